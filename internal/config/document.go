package config

import (
	"fmt"
	"io"
	"strings"
)

//go:generate go test -run TestDocumentationIsCurrent -update

const documentHead = "# Configuration\n\n" +
	"<!-- Made from the option table by `go generate ./internal/config`; do not edit. -->\n\n" +
	"`limelight serve` takes its configuration, in rising order of weight, from defaults, from a YAML file (`--config FILE`),\n" +
	"from environment variables, and from flags.\n\n" +
	"- The file is strict: an unknown key, a key given twice, a value of the wrong type or out of range is an error that names\n" +
	"  file, line and key. `limelight config check FILE` reports every error of a file and exits with 0 or 1.\n" +
	"- `limelight config show` takes the flags of `serve` and prints the effective configuration as a file that holds every key,\n" +
	"  with the origin of each value that is no default. Secrets are masked.\n" +
	"- Durations carry their unit (`30s`, `1m30s`). Lists may be written as one value. `null` leaves a sampling parameter to the\n" +
	"  model.\n" +
	"- Flags carry vLLM's names where vLLM has them; `_` may stand for `-`. A repeated flag makes a list, anything else takes the\n" +
	"  last one. A list from a flag replaces that of the file.\n" +
	"- `--omni` is accepted for vLLM-Omni's command lines and has no effect. Other flags of vLLM are refused with a hint at what\n" +
	"  stands for them here.\n\n" +
	"A file of a server behind a proxy, with two talkers and its metrics on a port of their own:\n\n" +
	"```yaml\n" + exampleFile + "```\n"

// exampleFile is the documentation's example, which a test reads.
const exampleFile = `model: ./Qwen3-Omni-30B-A3B-Instruct
served_model_name: [qwen3-omni]
max_num_seqs: 32
server:
  root_path: /omni
  ssl_certfile: cert.pem
  ssl_keyfile: key.pem
  allowed_origins: [https://example.com]
limits:
  max_queue: 256
  max_concurrent_streams: 128
  stage_timeout: 1m
metrics:
  log_stats: true
  addr: 127.0.0.1:9090
stages:
  thinker:
    default_sampling_params:
      temperature: 0.4
  talker:
    num_replicas: 2
connectors:
  talker_to_code2wav:
    codec_chunk_frames: 16
`

// WriteMarkdown writes the documentation of every option in the table.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(documentHead)
	last := "none"
	for _, o := range Default().Options() {
		if title := title(o); title != last {
			last = title
			fmt.Fprintf(&b, "\n## %s\n\n| key | flag | default | meaning |\n| --- | --- | --- | --- |\n", title)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(o.Key), flagText(o), code(o.String()), meaning(o))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// title is the heading that an option stands under: its first section.
func title(o Option) string {
	if o.Key == "" {
		return "Flags alone"
	}
	section, _, nested := strings.Cut(o.Key, ".")
	if !nested {
		return "Top level"
	}
	return "`" + section + "`"
}

func flagText(o Option) string {
	var flags []string
	if o.Flag != "" {
		flags = append(flags, code("--"+o.Flag))
	}
	if o.Negation != "" {
		flags = append(flags, code("--"+o.Negation))
	}
	if o.Env != "" {
		flags = append(flags, code(o.Env))
	}
	return strings.Join(flags, ", ")
}

func meaning(o Option) string {
	return strings.ReplaceAll(o.Help, "|", `\|`)
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
