package openai

import "encoding/json"

// ModelCard describes a served model.
type ModelCard struct {
	ID      string
	Created int64 // Unix seconds
	OwnedBy string
	// Root is the model behind a served name.
	Root string
	// MaxModelLen bounds prompt and reply together, in tokens.
	MaxModelLen int
	// Description says what the model is, where that is not plain.
	Description string
	// Modalities and Voices are what it can be asked for.
	Modalities []string
	Voices     []string
}

// MarshalJSON writes OpenAI's members, vLLM's, and what is Limelight's own in an
// object of its own.
func (c ModelCard) MarshalJSON() ([]byte, error) {
	type own struct {
		Modalities []string `json:"modalities,omitempty"`
		Voices     []string `json:"voices,omitempty"`
	}
	return json.Marshal(struct {
		ID          string `json:"id"`
		Object      string `json:"object"`
		Created     int64  `json:"created"`
		OwnedBy     string `json:"owned_by"`
		Root        string `json:"root"`
		MaxModelLen int    `json:"max_model_len"`
		Description string `json:"description,omitempty"`
		Limelight   own    `json:"limelight"`
	}{c.ID, "model", c.Created, c.OwnedBy, c.Root, c.MaxModelLen, c.Description, own{c.Modalities, c.Voices}})
}

// ModelList is the body of GET /v1/models.
func ModelList(cards ...ModelCard) []byte {
	body, err := json.Marshal(struct {
		Object string      `json:"object"`
		Data   []ModelCard `json:"data"`
	}{"list", append([]ModelCard{}, cards...)})
	if err != nil {
		panic("BUG: a model list has no JSON: " + err.Error())
	}
	return body
}

// VoiceList is the body of GET /v1/audio/voices, in vLLM-Omni's shape. Clients
// can't upload voices here, so that list is empty.
func VoiceList(voices []string) []byte {
	body, err := json.Marshal(struct {
		Voices   []string `json:"voices"`
		Uploaded []string `json:"uploaded_voices"`
	}{append([]string{}, voices...), []string{}})
	if err != nil {
		panic("BUG: a list of voices has no JSON: " + err.Error())
	}
	return body
}
