package config

import (
	"strings"
	"testing"
)

func TestBackendIsTakenApart(t *testing.T) {
	for text, want := range map[string]Backend{
		"http://gpu1:8000": {Kind: "omni", URL: "http://gpu1:8000"},
		"chat=http://llm:8000,model=qwen,voice=anna,rate=16000":  {Kind: "chat", URL: "http://llm:8000", Model: "qwen", Voice: "anna", SampleRate: 16000},
		"chat=http://llm:8000,metrics=http://exporter:9400/page": {Kind: "chat", URL: "http://llm:8000", Metrics: "http://exporter:9400/page"},
		"speech=dns+http://tts:8880,metrics=:9400":               {Kind: "speech", URL: "dns+http://tts:8880", Metrics: ":9400"},
		"speech=file:servers,metrics=:9400/engine":               {Kind: "speech", URL: "file:servers", Metrics: ":9400/engine"},
	} {
		if got, err := ParseBackend(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestWrongBackendsAreErrorsThatSayWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"video=http://a":                            `unknown kind "video"; the kinds are omni, chat, speech, transcription`,
		"chat=a:1":                                  `"a:1" is no URL`,
		"chat=http://a,rate=12":                     `rate "12" is no sample rate`,
		"chat=http://a,pace=12":                     `unknown "pace"`,
		"chat=http://a,model=x,model=y":             `model is there twice`,
		"chat=http://a,metrics=":                    `metrics "" is no URL, nor a :PORT of the server's host`,
		"chat=http://a,metrics=9400":                `metrics "9400" is no URL`,
		"chat=http://a,metrics=exporter:9400":       `metrics "exporter:9400" is no URL`,
		"chat=http://a,metrics=:0":                  `metrics ":0" has no port`,
		"chat=http://a,metrics=:/page":              `metrics ":/page" has no port`,
		"chat=file:servers,metrics=http://a/page":   `metrics "http://a/page" is one page, and there may be several servers`,
		"chat=dns+http://a:1,metrics=http://a/page": `give the :PORT that it has at each`,
	} {
		if _, err := ParseBackend(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v\nwant %s", text, err, want)
		}
	}
}
