package dashboards

import (
	"strings"

	"github.com/limelight-omni/limelight/internal/promql"
	"github.com/limelight-omni/limelight/metrics"
)

// either matches a family's name under each prefix, for what is asked before
// the prefix is known.
func either(family string) string {
	rest := strings.TrimPrefix(family, metrics.DefaultOmniPrefix)
	var names []string
	for _, p := range promql.OmniPrefixes {
		names = append(names, p+rest)
	}
	return strings.Join(names, "|")
}

// variables are the choices at the top of the dashboard. The model is chosen
// first, and its server's families tell the prefix: so nobody has to know it.
func (b board) variables() []variable {
	const running = "vllm:omni_num_requests_running"
	inPipeline := `{__name__=~"` + either(running) + `"`
	all := []variable{
		{Type: "datasource", Name: "datasource", Label: "Data source", Query: "prometheus"},
		choice("model_name", "Model", inPipeline+`}`, "model_name"),
		{
			Type: "query", Name: "prefix", Hide: 2, Datasource: &prometheus, Refresh: 2, Sort: 1,
			Description: "How the omni families of the model's server begin.",
			Query:       `label_values(` + inPipeline + `,model_name=~"$model_name"}, __name__)`,
			Regex:       "/^(" + strings.Join(promql.OmniPrefixes, "|") + ")/",
			Current:     &option{Text: metrics.DefaultOmniPrefix, Value: metrics.DefaultOmniPrefix},
		},
	}
	return append(all, b.choices...)
}

// choice is a variable whose values are those of a label; several may be
// chosen, and all are.
func choice(name, label, selector, of string) variable {
	return variable{
		Type: "query", Name: name, Label: label, Datasource: &prometheus, Refresh: 2, Sort: 7, Multi: true, IncludeAll: true, AllValue: ".*",
		Query: `label_values(` + selector + `, ` + of + `)`, Current: &option{Selected: true, Text: []string{"All"}, Value: []string{"$__all"}},
	}
}

// places choose stages and replicas, of which no single family knows all: an
// engine's gauge, the stage that makes audio, and Limelight's own.
func places() []variable {
	selector := func(match string) string {
		return `{__name__=~"vllm:num_requests_running|` + either("vllm:omni_audio_frames_total") + `|limelight_replica_state",model_name=~"$model_name"` + match + `}`
	}
	return []variable{
		choice("stage", "Stage", selector(""), "stage"),
		choice("replica", "Replica", selector(`,stage=~"$stage"`), "replica"),
	}
}

// ends choose hops by their ends.
func ends() []variable {
	selector := func(match string) string {
		return of("vllm:omni_transfer_size_bytes").Name + `_count{model_name=~"$model_name"` + match + `}`
	}
	return []variable{
		choice("stage", "To stage", selector(""), "to_stage"),
		choice("replica", "To replica", selector(`,to_stage=~"$stage"`), "to_replica"),
		choice("from_replica", "From replica", selector(`,to_stage=~"$stage"`), "from_replica"),
	}
}

// servers choose processes with a metrics page, those with statistics off among
// them.
func servers() []variable {
	v := choice("instance", "Server", `{__name__=~"limelight_build_info|`+either("vllm:omni_num_requests_running")+`"}`, "instance")
	v.AllValue = "" // all of these, rather than all that there are: other programs have process_ families too
	return []variable{v}
}

// events are drawn into every panel: alerts that fire and servers that started.
func events() []annotation {
	event := func(name, colour, expr, title, text, tags string) annotation {
		return annotation{
			Name: name, Datasource: prometheus, Enable: true, IconColor: colour, Expr: expr, Step: "30s", TitleFormat: title, TextFormat: text, TagKeys: tags,
		}
	}
	return []annotation{
		event("Alerts", "red", `ALERTS{alertname=~"Limelight.*",alertstate="firing"}`, "{{alertname}}", "{{severity}} {{model_name}} {{stage}}/{{replica}}", "severity"),
		event("Starts", "blue", `changes(`+of("process_start_time_seconds").Name+`[$__rate_interval]) > 0 and on (job, instance) `+
			of("vllm:omni_num_requests_running").Instant(), "{{instance}} started", "", "job"),
	}
}
