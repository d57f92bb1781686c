package record

// mostRecent bounds the credentials and organisations told of as live usage.
const mostRecent = 200

// Recent is how often credentials and organisations were admitted since it was asked last, of some if there are many.
func (b *Book) Recent() (credentials, organizations map[string]uint64) {
	credentials, organizations = map[string]uint64{}, map[string]uint64{}
	for i := range b.usage {
		s := &b.usage[i]
		s.Lock()
		for _, u := range s.windows {
			n := u.count - u.told
			u.told = u.count
			if n > 0 {
				some(credentials, u.id, n)
				some(organizations, u.organization, n)
			}
		}
		s.Unlock()
	}
	return credentials, organizations
}

func some(counts map[string]uint64, id string, n uint64) {
	if _, known := counts[id]; known || len(counts) < mostRecent {
		counts[id] += n
	}
}
