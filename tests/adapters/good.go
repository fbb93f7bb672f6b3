// The same adapter as good.py, made with the Go kit: an operation for whatever the tests ask.
package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"roomcheck/kit"
)

type object struct{ it int }

var (
	adapter  = kit.New[string]("good", "1.0", "room", "media")
	lock     sync.Mutex
	opened   = []string{}
	closed   = []string{}
	released = make(chan struct{})
	queue    = make(chan func(), 100) // an SDK that calls back from a goroutine of its own, and late
)

func unfit(name string, it any) {
	adapter.Operation(name, func(me string, _ map[string]any) (kit.Fields, error) {
		_ = adapter.Emit(me, "onTold", kit.Fields{"it": it})
		return nil, nil
	})
}

func fails(name string, err error) {
	adapter.Operation(name, func(string, map[string]any) (kit.Fields, error) { return nil, err })
}

func tell(me string, arguments map[string]any) (kit.Fields, error) {
	count := int(arguments["count"].(float64))
	for i := range count {
		_ = adapter.Emit(me, "onTold", kit.Fields{"i": i}, arguments["raw"])
	}
	return kit.Fields{"told": count}, nil
}

func chat(string, map[string]any) (kit.Fields, error) {
	fmt.Println("an SDK that prints")
	_, _ = syscall.Write(1, []byte("an SDK that prints past Go\n"))
	helper := exec.Command("echo", "an SDK whose helper prints")
	helper.Stdout = os.Stdout
	if err := helper.Run(); err != nil {
		return nil, err
	}
	read, err := io.ReadAll(os.Stdin)
	return kit.Fields{"read": string(read)}, err
}

func main() {
	go func() {
		for f := range queue {
			time.Sleep(20 * time.Millisecond)
			f()
		}
	}()
	adapter.Capabilities = kit.Fields{"rooms per member": 2}
	adapter.Open(func(m kit.Member) (string, error) {
		if m.User == "nobody" {
			return "", errors.New("there is no user nobody")
		}
		lock.Lock()
		defer lock.Unlock()
		opened = append(opened, m.Name)
		if m.Options["tell at open"] == true {
			return m.Name, adapter.Emit(m.Name, "onOpen", kit.Fields{"endpoints": m.Endpoints, "credentials": m.Credentials})
		}
		return m.Name, nil
	})
	adapter.Close(func(me string) error {
		lock.Lock()
		defer lock.Unlock()
		closed = append(closed, me)
		adapter.Log("closed " + me)
		return nil
	})
	adapter.State(func(me string) kit.Fields { return kit.Fields{"me": me} })
	adapter.Settle(func(string) error {
		through := make(chan struct{})
		queue <- func() { close(through) }
		<-through
		return nil
	})
	adapter.Operation("tell", tell)
	adapter.Operation("tellSoon", func(me string, _ map[string]any) (kit.Fields, error) {
		queue <- func() { _ = adapter.Emit(me, "onSoon", nil) }
		return nil, nil
	})
	adapter.Operation("tellOthersAfterClose", func(string, map[string]any) (kit.Fields, error) {
		lock.Lock()
		defer lock.Unlock()
		for _, member := range closed {
			if err := adapter.Emit(member, "onGhost", nil); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	adapter.Operation("tellUnknown", func(string, map[string]any) (kit.Fields, error) {
		return nil, adapter.Emit("nobody", "onTold", nil)
	})
	unfit("tellObject", object{1})
	unfit("tellHuge", strings.Repeat("x", 1<<20))
	unfit("tellNan", []any{map[string]float64{"deep": math.NaN()}})
	unfit("tellFunction", func() {})
	unfit("tellError", errors.New("no JSON"))
	unfit("tellBytes", []byte("x"))
	unfit("tellText", "\xff")
	unfit("tellNumbers", map[int]string{1: "x"})
	unfit("tellFit", kit.Fields{"when": time.Unix(0, 0).UTC(), "none": nil, "at": &[]int8{1}, "text": []string{"é"}})
	adapter.Operation("chat", chat)
	adapter.Operation("hold", func(me string, _ map[string]any) (kit.Fields, error) {
		<-released
		return nil, adapter.Emit(me, "onReleased", nil)
	})
	adapter.Admin("release", func(map[string]any, map[string]string) (kit.Fields, error) {
		close(released)
		return nil, nil
	})
	adapter.Operation("block", func(_ string, arguments map[string]any) (kit.Fields, error) {
		time.Sleep(time.Duration(arguments["seconds"].(float64) * float64(time.Second)))
		return nil, nil
	})
	adapter.Operation("crash", func(me string, _ map[string]any) (kit.Fields, error) {
		_ = adapter.Emit(me, "onLastWord", nil)
		return nil, syscall.Kill(os.Getpid(), syscall.SIGKILL)
	})
	adapter.Operation("panic", func(string, map[string]any) (kit.Fields, error) { panic("by the SDK") })
	adapter.Operation("returnUnfit", func(string, map[string]any) (kit.Fields, error) {
		return kit.Fields{"it": func() {}}, nil
	})
	fails("refuse", kit.Refused{"errorCode": 1002033})
	fails("refuseUnfit", kit.Refused{"errorCode": func() {}})
	fails("waver", fmt.Errorf("as the SDK says: %w", kit.Indefinite{"waited": 5}))
	fails("lack", kit.Unsupported("not in this version"))
	fails("break", errors.New("ZeroDivisionError: by the SDK"))
	adapter.Operation("constants", func(string, map[string]any) (kit.Fields, error) {
		fields := kit.Fields{}
		for name, value := range adapter.Constants {
			fields[name] = value
		}
		return fields, nil
	})
	adapter.Admin("kick", func(arguments map[string]any, endpoints map[string]string) (kit.Fields, error) {
		return kit.Fields{"kicked": arguments["user"], "at": endpoints}, nil
	})
	adapter.Admin("counts", func(map[string]any, map[string]string) (kit.Fields, error) {
		lock.Lock()
		defer lock.Unlock()
		return kit.Fields{"opened": opened, "closed": closed}, nil
	})
	adapter.Main()
}
