// Package architecture holds the tests that keep the packages as
// docs/design.md draws them.
package architecture

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/limelight-omni/limelight/"
)

// arrows reads design.md's table: for each package, the packages that it may
// import. An entry that ends in "/..." stands for all packages below it.
func arrows(t *testing.T) map[string][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(root, "docs", "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	quoted := regexp.MustCompile("`([^`]+)`")
	table := map[string][]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "|")
		if len(cells) != 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		var allowed []string
		for _, m := range quoted.FindAllStringSubmatch(cells[3], -1) {
			allowed = append(allowed, m[1])
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
			table[m[1]] = allowed
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(table) == 0 {
		t.Fatal("docs/design.md has no table of packages")
	}
	return table
}

// imports lists, for each package of the project, the packages of the project
// that its code (not its tests) imports.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			// What go build skips: _asm, for one, is a module of its own.
			if name := d.Name(); name == "testdata" || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") && name != ".." && file != root {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		src, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		found[pkg] = append(found[pkg], nil...)
		for _, spec := range src.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if name, ours := strings.CutPrefix(name, module); ours && !slices.Contains(found[pkg], name) {
				found[pkg] = append(found[pkg], name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func permits(allowed []string, pkg string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		if below, all := strings.CutSuffix(a, "/..."); all {
			return strings.HasPrefix(pkg, below+"/") || pkg == below
		}
		return a == pkg
	})
}

func TestPackagesImportOnlyWhatTheDesignAllows(t *testing.T) {
	table := arrows(t)
	for pkg, imported := range imports(t) {
		allowed, known := table[pkg]
		if !known {
			t.Errorf("package %s is not in docs/design.md's table", pkg)
			continue
		}
		for _, name := range imported {
			if !permits(allowed, name) {
				t.Errorf("package %s imports %s, which docs/design.md does not allow", pkg, name)
			}
		}
	}
}

func TestDesignNamesOnlyPackagesThatExist(t *testing.T) {
	found := imports(t)
	for pkg := range arrows(t) {
		if _, exists := found[pkg]; !exists {
			t.Errorf("docs/design.md names package %s, which does not exist", pkg)
		}
	}
}

func TestNoPackageIsADrawer(t *testing.T) {
	for pkg := range imports(t) {
		switch path.Base(pkg) {
		case "util", "utils", "common", "helper", "helpers", "misc":
			t.Errorf("package %s has a name that says nothing", pkg)
		}
	}
}
