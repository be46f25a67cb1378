package dashboard

// names says what stages are called; a stage without a name goes by its id.
type names map[string]string

// stage names a stage.
func (n names) stage(id string) string {
	if name := n[id]; name != "" {
		return name
	}
	return "stage " + id
}

// line names a replica's line in a chart.
func (n names) line(at place) string {
	if name := n[at.stage]; name != "" {
		return name + " " + at.replica
	}
	return at.stage + "/" + at.replica
}

// replica names a replica.
func (n names) replica(at place) string {
	text := "replica " + at.stage + "/" + at.replica
	if name := n[at.stage]; name != "" {
		text += " (" + name + ")"
	}
	return text
}

func (e edge) String() string {
	return e.from.stage + "/" + e.from.replica + " → " + e.to.stage + "/" + e.to.replica
}
