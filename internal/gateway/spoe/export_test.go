package spoe

import "io"

// What tests need to be HAProxy.

type Kind = kind

type Frame struct {
	Kind       Kind
	Stream, ID uint64
	Payload    []byte
}

const (
	HAProxyHello      = haproxyHello
	HAProxyDisconnect = haproxyDisconnect
	Notify            = notify
	AgentHello        = agentHello
	AgentDisconnect   = agentDisconnect
	Ack               = ack

	TypeNull = typeNull
	TypeBool = typeBool
	TypeIPv4 = typeIPv4
)

var (
	AppendText    = appendText
	AppendString  = appendString
	AppendNumber  = appendNumber
	Disconnection = disconnection
)

func Write(w io.Writer, f Frame) error {
	return writeFrame(w, frame{kind: f.Kind, stream: f.Stream, id: f.ID, payload: f.Payload})
}

func Read(r io.Reader) (Frame, error) {
	f, err := readFrame(r)
	return Frame{f.kind, f.stream, f.id, f.payload}, err
}

// Variables are what the actions of an answer set; nil if it has any other actions.
func Variables(payload []byte) map[string]any {
	all := map[string]any{}
	for r := (reader{payload, nil}); len(r.rest) > 0; {
		if string(r.take(3)) != string([]byte{setVariable, 3, transaction}) {
			return nil
		}
		name := r.text()
		all[name] = r.value()
	}
	return all
}
