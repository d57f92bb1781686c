package demo

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// event is what a subscriber gets: a CloudEvent.
type event struct {
	ID, Type, Organization string
	Subject                string
}

// subscriber follows Northwind's lifecycle events by cursor as the organisation's administrator.
type subscriber struct {
	s      *story
	cursor string
	events []event
}

// catchUp reads what there is so far.
func (f *subscriber) catchUp(ctx context.Context) error {
	for {
		got, err := f.read(ctx, 0)
		if err != nil || got == 0 {
			return err
		}
	}
}

func (f *subscriber) read(ctx context.Context, wait int) (int, error) {
	var page struct {
		Items []event
		Next  string
	}
	path := fmt.Sprintf("/v1/events?limit=200&wait=%d&after=%s", wait, url.QueryEscape(f.cursor))
	if err := f.s.cast.People["lucia"].Get(ctx, "audit", path, &page); err != nil {
		return 0, err
	}
	f.events, f.cursor = append(f.events, page.Items...), page.Next
	return len(page.Items), nil
}

// await reads until an event of a type about a subject comes, and tells when it came.
func (f *subscriber) await(ctx context.Context, kind, subject string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for from := len(f.events); ; {
		if _, err := f.read(ctx, 10); err != nil {
			return time.Time{}, err
		}
		for ; from < len(f.events); from++ {
			if e := f.events[from]; e.Type == kind && e.Subject == subject {
				return time.Now(), nil
			}
		}
	}
}

// foreign counts events that are not of the subscriber's organisation.
func (f *subscriber) foreign() (n int) {
	for _, e := range f.events {
		if e.Organization != f.s.cast.Organizations["northwind"] {
			n++
		}
	}
	return n
}
