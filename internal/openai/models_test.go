package openai

import "testing"

func TestModelListKeepsItsOwnMembersApart(t *testing.T) {
	card := ModelCard{ID: "tiny", Created: 5, OwnedBy: "limelight", Root: "/m", MaxModelLen: 2048, Description: "noise", Modalities: []string{"text"}, Voices: []string{"a"}}
	want := `{"object":"list","data":[{"id":"tiny","object":"model","created":5,"owned_by":"limelight","root":"/m","max_model_len":2048,"description":"noise","limelight":{"modalities":["text"],"voices":["a"]}}]}`
	if got := string(ModelList(card)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := string(ModelList()); got != `{"object":"list","data":[]}` {
		t.Errorf("no model: %s", got)
	}
}
