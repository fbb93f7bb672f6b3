package kit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"reflect"
	"sync"
	"syscall"
	"unicode/utf8"
)

const (
	lineLimit = 1 << 20 // bytes of one line, with its end
	rawLimit  = 16_384  // characters of a raw payload that are kept
)

// carrier is lines in and lines out: the pipes that the harness started us with, or a connection that we dial.
type carrier struct {
	lines *bufio.Reader
	out   io.Writer
	lock  sync.Mutex
}

// receive gives the next line, or a piece of one that is too long; nil at the end. It blocks.
func (c *carrier) receive() []byte {
	line, err := c.lines.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return nil
	}
	return line
}

// send writes one message as one line. A harness that is gone is seen as the end of its lines, not here.
func (c *carrier) send(message any) error {
	line, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if line = append(line, '\n'); len(line) > lineLimit {
		return fmt.Errorf("a message of %d bytes is longer than the %d that a line may have", len(line), lineLimit)
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	_, _ = c.out.Write(line)
	return nil
}

// standardStreams are stdin and stdout, moved to private descriptors: what an SDK prints goes to stderr, what it reads
// is empty.
func standardStreams() (*carrier, error) {
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer nothing.Close()
	in, err := moved(0, int(nothing.Fd()))
	if err != nil {
		return nil, err
	}
	out, err := moved(1, 2)
	if err != nil {
		return nil, err
	}
	return &carrier{lines: bufio.NewReaderSize(in, lineLimit+1), out: out}, nil
}

// moved gives what descriptor `from` was, and makes it another name of `to`.
func moved(from, to int) (*os.File, error) {
	syscall.ForkLock.RLock() // a helper that is started meanwhile must not inherit it
	fd, err := syscall.Dup(from)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "harness"), redirect(to, from)
}

// dialled connects to the harness at host:port and shows the one-time token.
func dialled(address, token string) (*carrier, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &carrier{lines: bufio.NewReaderSize(connection, lineLimit+1), out: connection}
	return c, c.send(map[string]string{"type": "dial", "token": token})
}

// unfit names what of a value json.Marshal would refuse, or lose without a word, with its path; "" if nothing.
func unfit(v reflect.Value, path string) string {
	if v.IsValid() && v.CanInterface() {
		switch v.Interface().(type) {
		case json.Marshaler:
			return "" // it knows its own JSON
		case error:
			return fmt.Sprintf("%s is an error, which is not JSON: take its text", path)
		}
	}
	switch v.Kind() {
	case reflect.Invalid, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return ""
	case reflect.Float32, reflect.Float64:
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			return fmt.Sprintf("%s is %v, which is not JSON", path, v.Float())
		}
		return ""
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			return path + " is not UTF-8"
		}
		return ""
	case reflect.Interface, reflect.Pointer:
		return unfit(v.Elem(), path)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return path + " is bytes, which are not JSON: make them a string"
		}
		for i := range v.Len() {
			if found := unfit(v.Index(i), fmt.Sprintf("%s.%d", path, i)); found != "" {
				return found
			}
		}
		return ""
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			break
		}
		for each := v.MapRange(); each.Next(); {
			if found := unfit(each.Value(), path+"."+each.Key().String()); found != "" {
				return found
			}
		}
		return ""
	}
	return fmt.Sprintf("%s is %s, which is not JSON", path, v.Type())
}

// shortened is a raw payload as far as it is kept.
func shortened(raw any) any {
	text, err := json.Marshal(raw)
	if err != nil {
		return fmt.Sprintf("not JSON: %v", err)
	}
	if utf8.RuneCount(text) <= rawLimit {
		return raw
	}
	characters := []rune(string(text))
	return fmt.Sprintf("%s... (%d characters, cut)", string(characters[:rawLimit]), len(characters))
}
