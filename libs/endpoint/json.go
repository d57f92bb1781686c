package endpoint

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/chancery-dev/chancery/libs/problem"
)

const maxDepth = 32

// checkJSON refuses what encoding/json lets pass: a name twice in one object, bytes that are no UTF-8, NUL in a text,
// nesting without end. Its refusals name the field and quote nothing else.
func checkJSON(body []byte) error {
	if !utf8.Valid(body) {
		return errBody.Saying("The request body is not UTF-8.")
	}
	w := walker{dec: json.NewDecoder(bytes.NewReader(body))}
	w.dec.UseNumber()
	if err := w.value("", 0); err != nil {
		return err
	}
	if _, err := w.dec.Token(); err != io.EOF {
		return errBody.Saying("The request body holds more than one JSON value.")
	}
	if w.fields != nil {
		return problem.InvalidField(w.fields[0].Name, w.fields[0].Code, w.fields[0].Detail).With(w.fields[1:]...)
	}
	return nil
}

type walker struct {
	dec    *json.Decoder
	fields []problem.Field
}

func (w *walker) value(path string, depth int) error {
	if depth > maxDepth {
		return errBody.Saying("The request body is nested too deeply.")
	}
	token, err := w.token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case string:
		if strings.ContainsRune(t, 0) {
			w.add(path, "format", "must not hold the character NUL")
		}
	case json.Delim:
		if t == '{' {
			return w.object(path, depth)
		}
		for i := 0; w.dec.More(); i++ {
			if err := w.value(path+"["+strconv.Itoa(i)+"]", depth+1); err != nil {
				return err
			}
		}
		_, err = w.token()
	}
	return err
}

func (w *walker) object(path string, depth int) error {
	names := map[string]bool{}
	for w.dec.More() {
		token, err := w.token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		at := name
		if path != "" {
			at = path + "." + name
		}
		if names[name] {
			w.add(at, "repeated", "must stand once")
		}
		names[name] = true
		if err := w.value(at, depth+1); err != nil {
			return err
		}
	}
	_, err := w.token()
	return err
}

func (w *walker) add(path, code, detail string) {
	if path == "" {
		path = "body"
	}
	if len(w.fields) < 20 {
		w.fields = append(w.fields, problem.Field{Name: problem.FieldName(path), Code: code, Detail: detail})
	}
}

func (w *walker) token() (json.Token, error) {
	token, err := w.dec.Token()
	if err != nil {
		return nil, errBody.Saying("The request body is not valid JSON, at byte " + strconv.FormatInt(w.dec.InputOffset(), 10) + ".")
	}
	return token, nil
}
