package bench

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/limelight-omni/limelight/metrics/continuity"
)

// Size of a plot.
const (
	plotWidth  = 28 * vg.Centimeter
	plotHeight = 20 * vg.Centimeter
)

var (
	blue   = color.RGBA{R: 31, G: 119, B: 180, A: 255}
	orange = color.RGBA{R: 255, G: 127, B: 14, A: 255}
	green  = color.RGBA{R: 44, G: 160, B: 44, A: 255}
	red    = color.RGBA{R: 214, G: 39, B: 40, A: 255}
)

// WritePlot draws the run to a file that ends in .svg or .png: the
// distributions of TTFT, TTFP and end-to-end latency, the concurrency over
// time, and the worst request's chunks against its player's clock.
func (r *Result) WritePlot(name string) error {
	var c interface {
		vg.CanvasSizer
		io.WriterTo
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".svg":
		c = vgsvg.New(plotWidth, plotHeight)
	case ".png":
		c = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(plotWidth, plotHeight), vgimg.UseDPI(110))}
	default:
		return fmt.Errorf("plot %s: the name must end in .svg or .png", name)
	}
	if err := r.draw(draw.New(c)); err != nil {
		return fmt.Errorf("plot %s: %w", name, err)
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	if _, err := c.WriteTo(f); err != nil {
		f.Close()
		return fmt.Errorf("plot: %w", err)
	}
	return f.Close()
}

func (r *Result) draw(page draw.Canvas) error {
	panels := []func() (*plot.Plot, error){r.plotDistributions, r.plotConcurrency, r.plotRTF, r.plotWorst}
	tiles := draw.Tiles{Rows: 2, Cols: 2, PadX: vg.Centimeter, PadY: vg.Centimeter, PadTop: vg.Millimeter * 3, PadBottom: vg.Millimeter * 3, PadLeft: vg.Millimeter * 3, PadRight: vg.Millimeter * 5}
	for i, panel := range panels {
		p, err := panel()
		if err != nil {
			return err
		}
		p.Draw(tiles.At(page, i%2, i/2))
	}
	return nil
}

// line adds a line to a plot, under a name in its legend if it has one.
func line(p *plot.Plot, name string, points plotter.XYs, c color.Color, stairs plotter.StepKind) error {
	if len(points) == 0 {
		return nil
	}
	l, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	l.Color, l.Width, l.StepStyle = c, vg.Points(1.5), stairs
	p.Add(l)
	if name != "" {
		p.Legend.Add(name, l)
	}
	return nil
}

// cumulative is the share of values up to each.
func cumulative(s Statistics, scale float64) plotter.XYs {
	points := make(plotter.XYs, 0, len(s.values))
	for i, v := range s.values {
		points = append(points, plotter.XY{X: v * scale, Y: float64(i+1) / float64(len(s.values))})
	}
	return points
}

func newPanel(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Add(plotter.NewGrid())
	return p
}

func (r *Result) plotDistributions() (*plot.Plot, error) {
	p := newPanel("Latency: share of requests within", "seconds", "share")
	p.Legend.Top = false
	for _, one := range []struct {
		name, metric string
		color        color.Color
	}{{"first token", "ttft", blue}, {"first packet", "audio_ttfp", orange}, {"end to end", "e2el", green}} {
		if err := line(p, one.name, cumulative(r.Statistics(one.metric), 0.001), one.color, plotter.PostStep); err != nil {
			return nil, err
		}
	}
	p.Y.Min, p.Y.Max = 0, 1
	return p, nil
}

func (r *Result) plotConcurrency() (*plot.Plot, error) {
	p := newPanel("Requests under way", "seconds since the start", "requests")
	var points plotter.XYs
	now := 0
	for _, s := range r.steps() {
		now += s.by
		points = append(points, plotter.XY{X: s.at.Seconds(), Y: float64(now)})
	}
	p.Y.Min = 0
	return p, line(p, "", points, blue, plotter.PostStep)
}

func (r *Result) plotRTF() (*plot.Plot, error) {
	p := newPanel("Real-time factor: share of requests within", "RTF (red: slower than the listener)", "share")
	if err := line(p, "with the wait for the first packet", cumulative(r.Statistics("audio_rtf"), 1), orange, plotter.PostStep); err != nil {
		return nil, err
	}
	if err := line(p, "from the first packet on", cumulative(r.Statistics("audio_stream_rtf"), 1), blue, plotter.PostStep); err != nil {
		return nil, err
	}
	p.Y.Min, p.Y.Max = 0, 1
	p.X.Min, p.X.Max = 0, math.Max(p.X.Max, 1.05)
	return p, line(p, "", plotter.XYs{{X: 1, Y: 0}, {X: 1, Y: 1}}, red, plotter.NoStep)
}

// plotWorst draws the sound that had arrived and the sound that had been
// played, of the request whose listener was worst off. Where the player's line
// is above the other, it stood still.
func (r *Result) plotWorst() (*plot.Plot, error) {
	worst := r.worst()
	if worst == nil {
		return newPanel("No streamed audio", "seconds", "seconds of audio"), nil
	}
	underrun, _ := worst.Measure("audio_underrun")
	p := newPanel(fmt.Sprintf("Worst listener: %.0f ms behind", underrun*1000), "seconds since the request", "seconds of audio")
	p.Legend.Top, p.Legend.Left = true, true
	bytesPerSecond := float64(worst.Rate * bytesPerSample)
	arrived := plotter.XYs{{X: worst.Audio[0].At.Seconds(), Y: 0}}
	got := 0
	player := continuity.NewPlayer(worst.Rate, bytesPerSample, 1)
	var late plotter.XYs
	for _, a := range worst.Audio {
		if player.Chunk(a.At, a.Bytes) > 0 {
			late = append(late, plotter.XY{X: a.At.Seconds(), Y: float64(got) / bytesPerSecond})
		}
		got += a.Bytes
		arrived = append(arrived, plotter.XY{X: a.At.Seconds(), Y: float64(got) / bytesPerSecond})
	}
	first, length := worst.Audio[0].At.Seconds(), worst.Duration().Seconds()
	if err := line(p, "arrived", arrived, blue, plotter.PostStep); err != nil {
		return nil, err
	}
	if err := line(p, "player", plotter.XYs{{X: first, Y: 0}, {X: first + length, Y: length}}, orange, plotter.NoStep); err != nil {
		return nil, err
	}
	if len(late) > 0 {
		dots, err := plotter.NewScatter(late)
		if err != nil {
			return nil, err
		}
		dots.Color, dots.Shape, dots.Radius = red, draw.CircleGlyph{}, vg.Points(2.5)
		p.Add(dots)
		p.Legend.Add("late chunk", dots)
	}
	return p, nil
}

// worst is the request with the largest underrun; among those without one, the
// one whose sound came slowest.
func (r *Result) worst() *Record {
	var worst *Record
	most, slowest := -1.0, -1.0
	for _, record := range r.Records {
		underrun, ok := record.Measure("audio_underrun")
		rtf, _ := record.Measure("audio_stream_rtf")
		if ok && (underrun > most || underrun == most && rtf > slowest) {
			worst, most, slowest = record, underrun, rtf
		}
	}
	return worst
}
