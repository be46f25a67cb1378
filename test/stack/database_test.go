package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

// answering is a database that gives the same answer to everything.
func answering(t *testing.T, text string) database {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }))
	t.Cleanup(server.Close)
	return database{"test", server.URL}
}

func TestAnswersOfDatabasesAreRead(t *testing.T) {
	for _, c := range []struct {
		answer string
		want   []string // series
		speaks bool
		err    string
	}{
		{`{"status":"success","data":{"resultType":"vector","result":[]}}`, nil, false, ""},
		{`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},"value":[1,"0"]}]}}`, []string{`up{job="a"} 0`}, true, ""},
		{`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"NaN"],[2,"NaN"]]}]}}`, []string{"NaN NaN"}, false, ""},
		{`{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}`, []string{"7"}, true, ""},
		{`{"status":"success","warnings":["half of it is missing"],"data":{"resultType":"vector","result":[]}}`, nil, false, "warnings: half of it is missing"},
		{`{"status":"error","error":"no such function"}`, nil, false, "no such function"},
	} {
		got, err := answering(t, c.answer).instant(t.Context(), "q")
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%s: %v, want %s", c.answer, err, c.err)
			}
			continue
		}
		var texts []string
		for _, s := range got {
			texts = append(texts, s.String())
		}
		if err != nil || !slices.Equal(texts, c.want) || speaks(got) != c.speaks {
			t.Errorf("%s: %q, %v", c.answer, texts, err)
		}
	}
}

func TestVariablesFindTheirValues(t *testing.T) {
	d := answering(t, `{"status":"success","data":["vllm_omni:num_requests_running","vllm:omni_num_requests_running","other"]}`)
	v := variable{Name: "prefix", Query: "label_values(x, __name__)", Regex: "/^(vllm:omni_|vllm_omni:)/"}
	if got, err := v.options(t.Context(), d, nil); err != nil || !slices.Equal(got, []string{"vllm:omni_", "vllm_omni:"}) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := (variable{Name: "v", Query: "something(else)"}).options(t.Context(), d, nil); err == nil {
		t.Error("a query of no known form was taken")
	}
}
