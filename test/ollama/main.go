// Command ollama writes a model for Ollama to take: the architecture of Qwen3 at
// tiny size with random weights, as a GGUF file, and a Modelfile that names it.
//
//	go run ./test/ollama DIRECTORY
//
// The script beside it, run, does that and the rest.
package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run writes the two files into the directory that args name, and returns the
// exit code: 2 for a wrong command line.
func run(args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: ollama DIRECTORY")
		return 2
	}
	if err := write(args[0]); err != nil {
		fmt.Fprintln(os.Stderr, "ollama:", err)
		return 1
	}
	return 0
}

// write makes model.gguf and Modelfile in dir, the same ones every time.
func write(dir string) error {
	path := filepath.Join(dir, "model.gguf")
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create the model: %w", err)
	}
	defer file.Close()
	buffered := bufio.NewWriter(file)
	if err := writeGGUF(buffered, header(), weights(rand.New(rand.NewPCG(1, 2)))); err != nil {
		return fmt.Errorf("model %s: %w", path, err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("model %s: %w", path, err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("close the model: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Modelfile"), []byte(modelfile(path)), 0o644); err != nil {
		return fmt.Errorf("write the Modelfile: %w", err)
	}
	return nil
}
