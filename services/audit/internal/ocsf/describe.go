package ocsf

import "fmt"

// Describe says as which class and activity of OCSF 1.8.0 a type of event is told, by its full message name.
func Describe(name string) string {
	m, ok := mappings[name]
	if !ok {
		m = mapping{class: base, activity: other("Other")}
	}
	text := fmt.Sprintf("%d %s / %d %s", m.class.uid, m.class.name, m.activity.id, m.activity.name)
	if m.what != "" {
		text += ", " + m.what
	}
	if m.failed {
		text += ", failure"
	}
	return text
}
