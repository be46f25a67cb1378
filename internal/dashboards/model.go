package dashboards

// The parts of Grafana's dashboard model (schema version 39) that these
// dashboards use. A test reads what is written with the types of Grafana's own
// Foundation SDK, which refuse unknown fields.

type document struct {
	UID           string       `json:"uid"`
	Title         string       `json:"title"`
	Description   string       `json:"description"`
	Tags          []string     `json:"tags"`
	Timezone      string       `json:"timezone"`
	Editable      bool         `json:"editable"`
	GraphTooltip  int          `json:"graphTooltip"`
	Time          timeRange    `json:"time"`
	Refresh       string       `json:"refresh"`
	SchemaVersion int          `json:"schemaVersion"`
	Links         []link       `json:"links"`
	Templating    templating   `json:"templating"`
	Annotations   annotations  `json:"annotations"`
	Panels        []shownPanel `json:"panels"`
}

type timeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type link struct {
	Title       string   `json:"title"`
	Type        string   `json:"type"`
	Icon        string   `json:"icon"`
	Tooltip     string   `json:"tooltip"`
	URL         string   `json:"url,omitempty"`
	Tags        []string `json:"tags"`
	AsDropdown  bool     `json:"asDropdown"`
	TargetBlank bool     `json:"targetBlank"`
	IncludeVars bool     `json:"includeVars"`
	KeepTime    bool     `json:"keepTime"`
}

type templating struct {
	List []variable `json:"list"`
}

// variable is a choice at the top of a dashboard. Hide 2 does not show it;
// Refresh 2 asks again when the time range changes; Sort 7 is natural.
type variable struct {
	Type        string      `json:"type"`
	Name        string      `json:"name"`
	Label       string      `json:"label,omitempty"`
	Description string      `json:"description,omitempty"`
	Hide        int         `json:"hide"`
	Query       string      `json:"query"`
	Definition  string      `json:"definition,omitempty"`
	Regex       string      `json:"regex,omitempty"`
	Datasource  *datasource `json:"datasource,omitempty"`
	Refresh     int         `json:"refresh,omitempty"`
	Sort        int         `json:"sort,omitempty"`
	Multi       bool        `json:"multi"`
	IncludeAll  bool        `json:"includeAll"`
	AllValue    string      `json:"allValue,omitempty"`
	Current     *option     `json:"current,omitempty"`
}

// option is a chosen value: a string, or strings where several may be chosen.
type option struct {
	Selected bool `json:"selected"`
	Text     any  `json:"text"`
	Value    any  `json:"value"`
}

type annotations struct {
	List []annotation `json:"list"`
}

type annotation struct {
	Name        string     `json:"name"`
	Datasource  datasource `json:"datasource"`
	Enable      bool       `json:"enable"`
	Hide        bool       `json:"hide"`
	IconColor   string     `json:"iconColor"`
	Expr        string     `json:"expr"`
	Step        string     `json:"step"`
	TitleFormat string     `json:"titleFormat"`
	TextFormat  string     `json:"textFormat"`
	TagKeys     string     `json:"tagKeys"`
}

// shownPanel is a panel on its place, or a row, which has no targets.
type shownPanel struct {
	ID          int          `json:"id"`
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	GridPos     gridPos      `json:"gridPos"`
	Datasource  *datasource  `json:"datasource,omitempty"`
	Targets     []target     `json:"targets,omitempty"`
	Options     any          `json:"options,omitempty"`
	FieldConfig *fieldConfig `json:"fieldConfig,omitempty"`
	Links       []link       `json:"links,omitempty"`
	Collapsed   *bool        `json:"collapsed,omitempty"` // rows only
	Panels      *[]any       `json:"panels,omitempty"`    // rows only: empty, since the row is open
}

type gridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type target struct {
	RefID        string     `json:"refId"`
	Datasource   datasource `json:"datasource"`
	EditorMode   string     `json:"editorMode"`
	Expr         string     `json:"expr"`
	LegendFormat string     `json:"legendFormat,omitempty"`
	Format       string     `json:"format"`
	Range        bool       `json:"range"`
	Exemplar     bool       `json:"exemplar,omitempty"`
}

type fieldConfig struct {
	Defaults  fieldDefaults `json:"defaults"`
	Overrides []any         `json:"overrides"`
}

type fieldDefaults struct {
	Unit       string      `json:"unit"`
	Min        *float64    `json:"min,omitempty"`
	Max        *float64    `json:"max,omitempty"`
	Color      *fieldColor `json:"color,omitempty"`
	Thresholds *thresholds `json:"thresholds,omitempty"`
	Mappings   []mapping   `json:"mappings,omitempty"`
	NoValue    string      `json:"noValue,omitempty"`
	Links      []link      `json:"links,omitempty"`
	Custom     any         `json:"custom,omitempty"`
}

type fieldColor struct {
	Mode string `json:"mode"`
}

type thresholds struct {
	Mode  string `json:"mode"`
	Steps []step `json:"steps"`
}

// step is a colour from a value on; the first has none.
type step struct {
	Value *float64 `json:"value"`
	Color string   `json:"color"`
}

type mapping struct {
	Type    string                  `json:"type"`
	Options map[string]mappedResult `json:"options"`
}

type mappedResult struct {
	Text  string `json:"text"`
	Color string `json:"color"`
	Index int    `json:"index"`
}

// lineField is how a time series is drawn.
type lineField struct {
	DrawStyle       string      `json:"drawStyle"`
	LineWidth       int         `json:"lineWidth"`
	FillOpacity     int         `json:"fillOpacity"`
	ShowPoints      string      `json:"showPoints"`
	SpanNulls       bool        `json:"spanNulls"`
	Stacking        stacking    `json:"stacking"`
	ThresholdsStyle styleOfLine `json:"thresholdsStyle"`
}

type stacking struct {
	Mode  string `json:"mode"`
	Group string `json:"group"`
}

type styleOfLine struct {
	Mode string `json:"mode"`
}

type lineOptions struct {
	Legend  legend  `json:"legend"`
	Tooltip tooltip `json:"tooltip"`
}

type legend struct {
	DisplayMode string   `json:"displayMode"`
	Placement   string   `json:"placement"`
	ShowLegend  bool     `json:"showLegend"`
	Calcs       []string `json:"calcs"`
}

type tooltip struct {
	Mode string `json:"mode"`
	Sort string `json:"sort"`
}

type numberOptions struct {
	GraphMode              string    `json:"graphMode"`
	ColorMode              string    `json:"colorMode"`
	JustifyMode            string    `json:"justifyMode"`
	TextMode               string    `json:"textMode"`
	WideLayout             bool      `json:"wideLayout"`
	ShowPercentChange      bool      `json:"showPercentChange"`
	PercentChangeColorMode string    `json:"percentChangeColorMode"`
	Orientation            string    `json:"orientation"`
	ReduceOptions          reduction `json:"reduceOptions"`
}

type reduction struct {
	Values bool     `json:"values"`
	Calcs  []string `json:"calcs"`
	Fields string   `json:"fields"`
}

type heatOptions struct {
	Calculate bool        `json:"calculate"`
	CellGap   int         `json:"cellGap"`
	ShowValue string      `json:"showValue"`
	Color     heatColor   `json:"color"`
	Exemplars markers     `json:"exemplars"`
	Legend    shown       `json:"legend"`
	Tooltip   heatTooltip `json:"tooltip"`
	RowsFrame heatRows    `json:"rowsFrame"`
	YAxis     heatAxis    `json:"yAxis"`
	Cells     heatCells   `json:"cellValues"`
}

type heatColor struct {
	Mode     string  `json:"mode"`
	Scheme   string  `json:"scheme"`
	Fill     string  `json:"fill"`
	Scale    string  `json:"scale"`
	Exponent float64 `json:"exponent"`
	Steps    int     `json:"steps"`
	Reverse  bool    `json:"reverse"`
}

type markers struct {
	Color string `json:"color"`
}

type shown struct {
	Show bool `json:"show"`
}

type heatTooltip struct {
	Mode           string `json:"mode"`
	YHistogram     bool   `json:"yHistogram"`
	ShowColorScale bool   `json:"showColorScale"`
}

type heatRows struct {
	Layout string `json:"layout"`
	Value  string `json:"value"`
}

type heatAxis struct {
	Unit          string `json:"unit"`
	AxisPlacement string `json:"axisPlacement"`
}

type heatCells struct {
	Unit string `json:"unit"`
}

type heatField struct {
	ScaleDistribution scale `json:"scaleDistribution"`
}

type scale struct {
	Type string `json:"type"`
}

type stateOptions struct {
	ShowValue   string  `json:"showValue"`
	RowHeight   float64 `json:"rowHeight"`
	MergeValues bool    `json:"mergeValues"`
	Legend      legend  `json:"legend"`
	Tooltip     tooltip `json:"tooltip"`
}

type stateField struct {
	LineWidth   int `json:"lineWidth"`
	FillOpacity int `json:"fillOpacity"`
}
