package audio

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WAVFile writes a one-channel 16-bit WAV whose length is known only at its
// end. Until Commit the sound lies beside its target, in a file that ends in
// .part and begins with zeros in the header's place. So what is cut off, be it
// by the end of the process, never looks like a whole sound, and a file that was
// there before stays. What can't be replaced (a pipe, a terminal, a device) is
// written to as the sound comes, behind a header of unknown length.
type WAVFile struct {
	out    io.Writer
	file   *os.File // nil if out is the caller's
	target string   // where Commit moves the file; empty for what can't be replaced
	rate   int
	size   int64 // bytes of sound
}

// CreateWAV opens a WAV to be at a path. Commit or Discard must follow.
func CreateWAV(path string) (*WAVFile, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory", path)
	case !info.Mode().IsRegular():
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &WAVFile{out: file, file: file}, nil
	default: // a link stays one: what it leads to is replaced
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(path+"."+rand.Text()[:8]+".part", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &WAVFile{out: file, file: file, target: path}, nil
}

// StreamWAV writes a WAV of unknown length to out, which stays the caller's.
func StreamWAV(out io.Writer) *WAVFile { return &WAVFile{out: out} }

// Begin writes the header, or keeps its place. It comes once, before the sound.
func (w *WAVFile) Begin(rate int) error {
	w.rate = rate
	header := make([]byte, WAVHeaderSize)
	if w.target == "" {
		header = AppendWAVHeader(header[:0], rate, 1, StreamedSize)
	}
	_, err := w.out.Write(header)
	return err
}

// Write appends 16-bit PCM.
func (w *WAVFile) Write(pcm []byte) (int, error) {
	n, err := w.out.Write(pcm)
	w.size += int64(n)
	return n, err
}

// Commit completes the sound: the header gets its sizes and the file its name.
func (w *WAVFile) Commit() error {
	switch {
	case w.file == nil:
		return nil
	case w.target == "":
		return w.file.Close()
	}
	header := AppendWAVHeader(nil, w.rate, 1, uint32(min(w.size, StreamedSize)))
	_, err := w.file.WriteAt(header, 0)
	if err = errors.Join(err, w.file.Sync(), w.file.Close()); err == nil {
		err = os.Rename(w.file.Name(), w.target)
	}
	if err != nil {
		return errors.Join(err, os.Remove(w.file.Name()))
	}
	return nil
}

// Discard gives the sound up and leaves the target as it was.
func (w *WAVFile) Discard() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	if w.target != "" {
		err = errors.Join(err, os.Remove(w.file.Name()))
	}
	return err
}
