// Package kit is the author's side of the adapter protocol for Go SDKs: an adapter is this package and one short file.
//
// It needs the standard library only. It translates and never judges: it knows no fault, no schedule and no
// expectation. The README beside it shows an adapter.
//
// One goroutine reads the harness and answers pings, so that it sees for how long the program stood still; each request
// runs in one of its own, those of one member in the order in which they came. What Emit was told is on the wire when it
// returns, also if the SDK crashes next.
package kit

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	protocol = 1
	beat     = 10 * time.Millisecond // between two signs of life of the program
	grace    = 2 * time.Second       // that members get to close, and the program to end, once the harness is gone
)

// Fields are those of a callback or of a result: what JSON can say.
type Fields map[string]any

// Refused is an error by which the SDK or its server said no; its fields say how. This is judged.
type Refused Fields

// Indefinite is the error of a call that neither succeeded nor failed, for example as a deadline of the SDK passed.
type Indefinite Fields

// Unsupported is the error of an operation that the room does not have.
type Unsupported string

func (e Refused) Error() string     { return fmt.Sprint("refused: ", Fields(e)) }
func (e Indefinite) Error() string  { return fmt.Sprint("indefinite: ", Fields(e)) }
func (e Unsupported) Error() string { return "unsupported: " + string(e) }

// Member is what the harness says of a member that it opens. Its client uses these addresses and no others.
type Member struct {
	Name        string
	User        string
	Endpoints   map[string]string
	Credentials map[string]any
	Options     map[string]any
}

// Adapter: register functions, tell callbacks with Emit, then call Main. C is what the function of Open returns.
type Adapter[C any] struct {
	// Constants are the microseconds that this run wants, by the names of the spec, for SDKs whose timers can be set.
	Constants map[string]int64
	// Capabilities are told beside those that follow from what was registered.
	Capabilities Fields

	name, version string
	endpoints     []string
	operations    map[string]func(C, map[string]any) (Fields, error)
	admin         map[string]func(map[string]any, map[string]string) (Fields, error)
	open          func(Member) (C, error)
	close         func(C) error
	state         func(C) Fields
	settle        func(C) error

	carrier *carrier
	turns   map[string]chan struct{} // the end of each member's last request; the reader's only
	telling sync.RWMutex             // read: a callback is being told
	lock    sync.Mutex               // of what follows
	members map[string]C
	numbers map[string]int
	closed  map[string]bool
	lost    map[string]string // the first callback of a member that could not be told
	alive   atomic.Int64      // when the program last showed life
	late    atomic.Int64      // its worst lateness since the last ping, in microseconds
}

// New makes an adapter with the name and version that reports show, and the endpoints that a member needs.
func New[C any](name, version string, endpoints ...string) *Adapter[C] {
	a := &Adapter[C]{
		name: name, version: version, endpoints: endpoints,
		Constants:  map[string]int64{},
		operations: map[string]func(C, map[string]any) (Fields, error){},
		admin:      map[string]func(map[string]any, map[string]string) (Fields, error){},
		turns:      map[string]chan struct{}{},
		members:    map[string]C{}, numbers: map[string]int{}, closed: map[string]bool{}, lost: map[string]string{},
	}
	if text := os.Getenv("ROOMCHECK_CONSTANTS"); text != "" {
		if err := json.Unmarshal([]byte(text), &a.Constants); err != nil {
			panic(fmt.Errorf("ROOMCHECK_CONSTANTS: %w", err))
		}
	}
	return a
}

// Open registers what makes a client; the other functions get what it returns.
func (a *Adapter[C]) Open(f func(Member) (C, error)) { a.open = f }

// Close registers what ends a client; nothing of it may be left.
func (a *Adapter[C]) Close(f func(C) error) { a.close = f }

// State registers what reads the SDK's own view of its state.
func (a *Adapter[C]) State(f func(C) Fields) { a.state = f }

// Settle registers what returns when every callback that had fired at this member was told, where the SDK queues them.
func (a *Adapter[C]) Settle(f func(C) error) { a.settle = f }

// Operation registers one call of a member, named as the spec names it.
func (a *Adapter[C]) Operation(name string, f func(client C, arguments map[string]any) (Fields, error)) {
	a.operations[name] = f
}

// Admin registers one act of the backend, named as the spec names it; the endpoints are past no proxy's.
func (a *Adapter[C]) Admin(name string, f func(arguments map[string]any, endpoints map[string]string) (Fields, error)) {
	a.admin[name] = f
}

// Emit tells a callback, as the first statement of the SDK's callback, from any goroutine; `raw` is what the SDK gave.
//
// After the member was closed it does nothing. It is an error if there is no such member, or if the fields are not JSON
// or too long; adapters need not look at it, as the next barrier tells the harness too.
func (a *Adapter[C]) Emit(member, callback string, fields Fields, raw ...any) error {
	a.telling.RLock()
	at := now()
	defer a.telling.RUnlock()
	a.lock.Lock()
	defer a.lock.Unlock()
	if a.closed[member] {
		return nil
	}
	number, known := a.numbers[member]
	err := fmt.Errorf("emit for '%s', which was never opened; use the name that open was given", member)
	if known {
		err = a.tell(member, number+1, at, callback, fields, raw)
	}
	if err == nil {
		a.numbers[member]++
	} else if a.lost[member] == "" {
		a.lost[member] = fmt.Sprintf("callback '%s' of %s could not be written: %v", callback, member, err)
	}
	return err
}

func (a *Adapter[C]) tell(member string, n int, at int64, callback string, fields Fields, raw []any) error {
	if found := unfit(reflect.ValueOf(fields), "fields"); found != "" {
		return errors.New(found)
	}
	if fields == nil {
		fields = Fields{}
	}
	event := Fields{"type": "event", "member": member, "n": n, "time": at, "callback": callback, "fields": fields}
	if len(raw) > 0 && raw[0] != nil {
		event["raw"] = shortened(raw[0])
	}
	return a.carrier.send(event)
}

// Log leaves a line in the case's log.
func (a *Adapter[C]) Log(text string) {
	_ = a.carrier.send(Fields{"type": "log", "text": text})
}

// Main serves until the harness says bye or is gone; then the program ends.
//
// It speaks on stdin and stdout, or dials ROOMCHECK_DIAL with ROOMCHECK_TOKEN; the arguments may give the same as
// `--dial host:port --token text`. From here on stdout belongs to the protocol and prints go to stderr.
func (a *Adapter[C]) Main(arguments ...string) {
	options := flag.NewFlagSet(a.name, flag.ExitOnError)
	dial := options.String("dial", os.Getenv("ROOMCHECK_DIAL"), "host:port of the harness")
	token := options.String("token", os.Getenv("ROOMCHECK_TOKEN"), "the one-time token that it gave")
	_ = options.Parse(arguments)
	var err error
	if *dial != "" {
		a.carrier, err = dialled(*dial, *token)
	} else {
		a.carrier, err = standardStreams()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot reach the harness:", err)
		os.Exit(1)
	}
	a.alive.Store(now())
	go a.keepBeat()
	a.read()
	a.leave()
}

func (a *Adapter[C]) keepBeat() {
	for {
		time.Sleep(beat)
		at := now()
		if late := at - a.alive.Swap(at) - beat.Microseconds(); late > a.late.Load() {
			a.late.Store(late)
		}
	}
}

type request struct {
	ID          json.RawMessage   `json:"id"`
	Type        string            `json:"type"`
	Protocol    [2]int            `json:"protocol"`
	Constants   map[string]int64  `json:"constants"`
	Member      string            `json:"member"`
	User        string            `json:"user"`
	Endpoints   map[string]string `json:"endpoints"`
	Credentials map[string]any    `json:"credentials"`
	Options     map[string]any    `json:"options"`
	Operation   *string           `json:"operation"`
	Arguments   map[string]any    `json:"arguments"`
	Nonce       json.RawMessage   `json:"nonce"`
}

// read hears the harness until it says bye or is gone.
func (a *Adapter[C]) read() {
	for line := a.carrier.receive(); line != nil; line = a.carrier.receive() {
		var r request
		if err := json.Unmarshal(line, &r); err != nil || r.ID == nil || r.Type == "" {
			a.Log(fmt.Sprintf("not a message of the protocol: %.200q", line))
			continue
		}
		switch r.Type {
		case "ping":
			lag := max(a.late.Swap(0), now()-a.alive.Load()-beat.Microseconds(), 0)
			a.answer(r.ID, "ok", Fields{"nonce": r.Nonce, "loop_lag": lag})
		case "bye":
			a.answer(r.ID, "ok", nil)
			return
		case "open", "call", "state", "close":
			a.inTurn(r)
		default:
			go a.handle(r)
		}
	}
}

func (a *Adapter[C]) inTurn(r request) {
	before, done := a.turns[r.Member], make(chan struct{})
	a.turns[r.Member] = done
	if r.Type == "close" {
		delete(a.turns, r.Member)
	}
	go func() {
		defer close(done)
		if before != nil {
			<-before
		}
		a.handle(r)
	}()
}

func (a *Adapter[C]) answer(id json.RawMessage, status string, fields Fields) {
	if fields == nil {
		fields = Fields{}
	}
	if found := unfit(reflect.ValueOf(fields), "fields"); found != "" {
		status, fields = "adapter-error", Fields{"error": found}
	}
	result := Fields{"id": id, "type": "result", "status": status, "fields": fields, "time": now()}
	if err := a.carrier.send(result); err != nil {
		result["status"], result["fields"] = "adapter-error", Fields{"error": err.Error()}
		_ = a.carrier.send(result)
	}
}

func (a *Adapter[C]) handle(r request) {
	fields, err := a.do(r)
	var refused Refused
	var indefinite Indefinite
	var unsupported Unsupported
	switch {
	case err == nil:
		a.answer(r.ID, "ok", fields)
	case errors.As(err, &refused):
		a.answer(r.ID, "refused", Fields(refused))
	case errors.As(err, &indefinite):
		a.answer(r.ID, "indefinite", Fields(indefinite))
	case errors.As(err, &unsupported):
		a.answer(r.ID, "unsupported", Fields{"what": string(unsupported)})
	default:
		fmt.Fprintln(os.Stderr, err) // whatever the SDK returns is reported
		a.answer(r.ID, "adapter-error", Fields{"error": err.Error()})
	}
}

func (a *Adapter[C]) do(r request) (fields Fields, err error) {
	defer func() {
		if story := recover(); story != nil {
			debug.PrintStack()
			err = fmt.Errorf("panic: %v", story)
		}
	}()
	switch r.Type {
	case "hello":
		return a.hello(r)
	case "begin", "end":
		return nil, nil
	case "barrier":
		return nil, a.barrier(r.Member)
	case "admin":
		f, err := known(a.admin, r)
		if err != nil {
			return nil, err
		}
		return f(r.Arguments, r.Endpoints)
	case "open":
		return nil, a.begin(r)
	case "close":
		return nil, a.end(r.Member)
	case "call":
		f, err := known(a.operations, r) // before the member: the harness asks a made-up operation to see it
		if err != nil {
			return nil, err
		}
		me, err := a.opened(r)
		if err != nil {
			return nil, err
		}
		return f(me, r.Arguments)
	case "state":
		if a.state == nil {
			return nil, Unsupported("state")
		}
		me, err := a.opened(r)
		if err != nil {
			return nil, err
		}
		return a.state(me), nil
	}
	return nil, Unsupported(r.Type)
}

func known[F any](table map[string]F, r request) (F, error) {
	var nothing F
	if r.Operation == nil {
		return nothing, fmt.Errorf("a %s without 'operation'", r.Type)
	}
	if f, found := table[*r.Operation]; found {
		return f, nil
	}
	return nothing, Unsupported(*r.Operation)
}

func (a *Adapter[C]) opened(r request) (C, error) {
	a.lock.Lock()
	defer a.lock.Unlock()
	me, found := a.members[r.Member]
	if !found {
		return me, fmt.Errorf("%s for member '%s', which is not open", r.Type, r.Member)
	}
	return me, nil
}

func (a *Adapter[C]) hello(r request) (Fields, error) {
	if protocol < r.Protocol[0] || protocol > r.Protocol[1] {
		return nil, fmt.Errorf("this kit speaks version %d of the protocol, the harness %d to %d", protocol, r.Protocol[0], r.Protocol[1])
	}
	for name, value := range r.Constants {
		a.Constants[name] = value
	}
	capabilities := Fields{"operations": names(a.operations), "admin": names(a.admin), "state": a.state != nil}
	for name, value := range a.Capabilities {
		capabilities[name] = value
	}
	language := "go " + strings.TrimPrefix(runtime.Version(), "go")
	return Fields{
		"protocol":       protocol,
		"implementation": Fields{"name": a.name, "version": a.version, "language": language, "os": runtime.GOOS},
		"capabilities":   capabilities,
		"endpoints":      a.endpoints,
		"clock":          "monotonic",
	}, nil
}

func names[F any](table map[string]F) []string {
	all := make([]string, 0, len(table))
	for name := range table {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}

// barrier returns when all that had fired is written; "" is every member.
func (a *Adapter[C]) barrier(member string) error {
	if err := a.settled(member); err != nil {
		return err
	}
	a.telling.Lock()   // what was being told is
	a.telling.Unlock() //nolint:staticcheck // nothing to do in between
	a.lock.Lock()
	defer a.lock.Unlock()
	for each, story := range a.lost {
		if member == "" || member == each {
			return errors.New(story)
		}
	}
	return nil
}

func (a *Adapter[C]) settled(member string) error {
	if a.settle == nil {
		return nil
	}
	a.lock.Lock()
	open := map[string]C{}
	for each, me := range a.members {
		if member == "" || member == each {
			open[each] = me
		}
	}
	a.lock.Unlock()
	for each, me := range open {
		err := a.settle(me)
		a.lock.Lock()
		over := a.closed[each] // one that was closed meanwhile tells nothing any more
		a.lock.Unlock()
		if err != nil && !over {
			return err
		}
	}
	return nil
}

func (a *Adapter[C]) begin(r request) error {
	if a.open == nil {
		return Unsupported("open")
	}
	a.lock.Lock()
	_, before := a.numbers[r.Member]
	if !before {
		a.numbers[r.Member] = 0
	}
	a.lock.Unlock()
	if before {
		return fmt.Errorf("member '%s' was opened before", r.Member)
	}
	me, err := a.open(Member{r.Member, r.User, r.Endpoints, r.Credentials, r.Options})
	if err == nil {
		a.lock.Lock()
		a.members[r.Member] = me
		a.lock.Unlock()
	}
	return err
}

func (a *Adapter[C]) end(member string) error {
	a.lock.Lock()
	a.closed[member] = true
	me, open := a.members[member] // not if its open failed
	delete(a.members, member)
	a.lock.Unlock()
	if !open || a.close == nil {
		return nil
	}
	return a.close(me)
}

// leave closes who is open and ends the program, within the grace also where an SDK is stuck.
func (a *Adapter[C]) leave() {
	time.AfterFunc(grace, func() { os.Exit(0) })
	a.lock.Lock()
	var open []string
	for member := range a.members {
		open = append(open, member)
	}
	a.lock.Unlock()
	var closing sync.WaitGroup
	for _, member := range open {
		closing.Add(1)
		go func() {
			defer closing.Done()
			_ = a.end(member)
		}()
	}
	closing.Wait()
	os.Exit(0)
}
