package audio

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// names lists a directory.
func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// begun is a file with two samples of sound in it.
func begun(t *testing.T, path string) *WAVFile {
	t.Helper()
	w, err := CreateWAV(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Begin(16000); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWAVFileIsThereOnlyWhenItIsComplete(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.wav")
	w := begun(t, path)
	parts := names(t, dir)
	if len(parts) != 1 || filepath.Ext(parts[0]) != ".part" {
		t.Fatalf("before the end there is %v", parts)
	}
	half, err := os.ReadFile(filepath.Join(dir, parts[0]))
	if _, _, parse := ParseWAV(half); err != nil || parse == nil {
		t.Errorf("a half sound looks whole: % x, %v", half, err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if want := append(AppendWAVHeader(nil, 16000, 1, 4), 1, 2, 3, 4); err != nil || !bytes.Equal(file, want) {
		t.Errorf("% x, want % x; %v", file, want, err)
	}
	if left := names(t, dir); len(left) != 1 {
		t.Errorf("afterwards there is %v", left)
	}
}

func TestDiscardedWAVFileLeavesWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.wav")
	if err := os.WriteFile(path, []byte("before"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := begun(t, path).Discard(); err != nil {
		t.Fatal(err)
	}
	if file, err := os.ReadFile(path); string(file) != "before" || err != nil || len(names(t, dir)) != 1 {
		t.Errorf("%q, %v; in the directory %v", file, err, names(t, dir))
	}
}

func TestWAVFileReplacesWhatALinkLeadsTo(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a.wav"), filepath.Join(dir, "link.wav")
	if err := os.WriteFile(path, []byte("before"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.wav", link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	if err := begun(t, link).Commit(); err != nil {
		t.Fatal(err)
	}
	if file, err := os.ReadFile(path); err != nil || len(file) != WAVHeaderSize+4 {
		t.Errorf("%d bytes, %v", len(file), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
}

func TestDeviceIsWrittenToAndNotReplaced(t *testing.T) {
	if err := begun(t, os.DevNull).Commit(); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%s is %v, %v", os.DevNull, info.Mode(), err)
	}
	if _, err := CreateWAV(t.TempDir()); err == nil {
		t.Error("a directory was taken for a file")
	}
}

func TestStreamedWAVHasAHeaderOfUnknownLength(t *testing.T) {
	var out bytes.Buffer
	w := StreamWAV(&out)
	if err := w.Begin(24000); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte{1, 2}); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if want := append(AppendWAVHeader(nil, 24000, 1, StreamedSize), 1, 2); !bytes.Equal(out.Bytes(), want) {
		t.Errorf("% x, want % x", out.Bytes(), want)
	}
}
