package top

import (
	"context"
	"fmt"
	"io"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/limelight-omni/limelight/metrics/check"
)

// Options say what to show.
type Options struct {
	// Address is the server, or its metrics page.
	Address string
	// Interval is the time between two looks.
	Interval time.Duration
	// Out is the terminal, In its keys.
	In  io.Reader
	Out io.Writer
}

// Once writes one view, of everything since the server's start.
func Once(ctx context.Context, o Options) error {
	page, err := check.Load(ctx, nil, o.Address)
	if err != nil {
		return err
	}
	_, err = io.WriteString(o.Out, NewWindow(nil, page, 0).Render(o.Address))
	return err
}

// Run shows the server until q is pressed or ctx ends.
func Run(ctx context.Context, o Options) error {
	_, err := tea.NewProgram(&screen{ctx: ctx, o: o}, tea.WithContext(ctx), tea.WithInput(o.In), tea.WithOutput(o.Out), tea.WithAltScreen()).Run()
	if err != nil && ctx.Err() != nil {
		return nil
	}
	return err
}

// screen is the terminal's state.
type screen struct {
	ctx    context.Context
	o      Options
	before *check.Page
	read   time.Time
	window Window
	err    error
	seen   bool
	height int
}

// looked is the result of one look.
type looked struct {
	page *check.Page
	err  error
	at   time.Time
}

// Init implements tea.Model.
func (s *screen) Init() tea.Cmd { return s.look }

func (s *screen) look() tea.Msg {
	ctx, cancel := context.WithTimeout(s.ctx, max(s.o.Interval, time.Second))
	defer cancel()
	page, err := check.Load(ctx, nil, s.o.Address)
	return looked{page, err, time.Now()}
}

// Update implements tea.Model.
func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyMsg:
		switch msg.String() {
		case "q", "esc", "ctrl+c":
			return s, tea.Quit
		}
	case tea.WindowSizeMsg:
		s.height = msg.Height
	case looked:
		if s.err = msg.err; msg.err == nil {
			s.window = NewWindow(s.before, msg.page, msg.at.Sub(s.read))
			s.before, s.read, s.seen = msg.page, msg.at, true
		}
		return s, tea.Tick(s.o.Interval, func(time.Time) tea.Msg { return s.look() })
	}
	return s, nil
}

// View implements tea.Model.
func (s *screen) View() string {
	text := ""
	if s.seen {
		text = s.window.Render(s.o.Address)
	}
	if s.err != nil {
		text += fmt.Sprintf("\nthe page can't be read: %v\n", s.err)
	}
	return text + "\nq quits\n"
}
