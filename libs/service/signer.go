package service

import (
	"context"
	"fmt"
	"time"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/principal"
	eventv1 "github.com/chancery-dev/chancery/proto/event/v1"
)

const (
	// SignerLife is how long tokens of one key are accepted, signerRenewal when it is replaced.
	SignerLife    = 25 * time.Hour
	signerRenewal = 12 * time.Hour
	// signerHead is how long a key is published before it is signed with, for the others to fold it.
	signerHead = 2 * time.Second
)

// own is the meta of what a service does of itself.
func own(ctx context.Context, name string) context.Context {
	return eventlog.WithMeta(ctx, eventlog.Meta{Actor: &eventv1.Actor{Id: name, Kind: "service"}})
}

// PublishSigner makes a signer's key a fact, so that others accept what it signs.
func PublishSigner(ctx context.Context, log *eventlog.Log, name string, key *eventv1.SignerKeyPublished) error {
	if _, err := log.Append(own(ctx, name), principal.SignerSubject(name, key.GetKeyId()), 0, key); err != nil {
		return fmt.Errorf("publish signer key: %w", err)
	}
	return nil
}

// RenewSigner replaces the signing key before its end until ctx ends. Of d it needs Name, Log, Signer and Logger.
func RenewSigner(ctx context.Context, d Deps) error {
	for wait := signerRenewal; ; {
		sleep(ctx, wait)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		next, err := d.Signer.Next(SignerLife)
		if err == nil {
			err = PublishSigner(ctx, d.Log, d.Name, next.Public)
		}
		if err != nil {
			d.Logger.ErrorContext(ctx, "the signing key was not renewed, trying again", "error", err)
			wait = time.Minute
			continue
		}
		sleep(ctx, signerHead)
		next.Use()
		wait = signerRenewal
	}
}
