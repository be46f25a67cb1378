package openai

import "bytes"

// Done is the data of the event that ends every stream.
const Done = "[DONE]"

// AppendEvent appends a server-sent event. Data of several lines becomes
// several data fields, which readers join again; it must not hold a CR.
func AppendEvent(dst, data []byte) []byte {
	for {
		line, rest, more := bytes.Cut(data, []byte("\n"))
		dst = append(dst, "data: "...)
		dst = append(dst, line...)
		dst = append(dst, '\n')
		if !more {
			return append(dst, '\n')
		}
		data = rest
	}
}

// AppendError appends a failure as an event of a stream whose status has gone.
func AppendError(dst []byte, e *Error) []byte { return AppendEvent(dst, e.Body()) }

// AppendDone appends the event that ends every stream.
func AppendDone(dst []byte) []byte { return append(dst, "data: "+Done+"\n\n"...) }
