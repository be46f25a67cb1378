package openai

import "encoding/json"

// ModelCard describes a served model.
type ModelCard struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Created     int64  `json:"created"`
	OwnedBy     string `json:"owned_by"`
	Root        string `json:"root"`
	MaxModelLen int    `json:"max_model_len"`
	// Description says what the model is, where that is not plain.
	Description string   `json:"description,omitempty"`
	Modalities  []string `json:"modalities"`
	Voices      []string `json:"voices"`
}

// ModelList is the body of GET /v1/models.
func ModelList(cards ...ModelCard) []byte {
	for i := range cards {
		cards[i].Object = "model"
	}
	body, err := json.Marshal(map[string]any{"object": "list", "data": cards})
	if err != nil {
		panic("BUG: a model list has no JSON: " + err.Error())
	}
	return body
}
