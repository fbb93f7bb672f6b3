package kit

import _ "unsafe" // for go:linkname

// nanotime is the machine's monotonic clock, the harness's own; time.Now counts from elsewhere.
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64

// now is in microseconds.
func now() int64 { return nanotime() / 1000 }
