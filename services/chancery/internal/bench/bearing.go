package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-dev/chancery/libs/accesstoken"
	issuancev1 "github.com/chancery-dev/chancery/proto/issuance/v1"
)

const benchIssuer = "https://bench.example"

// minting makes a client and gives the way to mint its tokens.
func (w *made) minting(ctx context.Context) (func() (string, error), error) {
	keyID, client := uuid.NewString(), uuid.NewString()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: public, KeyID: keyID, Algorithm: "EdDSA", Use: "sig"})
	if err != nil {
		return nil, err
	}
	if _, err := w.append(ctx, "issuance", "signing_key", keyID, 0, &issuancev1.SigningKeyCreated{KeyId: keyID, Jwk: jwk, Algorithm: "EdDSA",
		NotAfter: timestamppb.New(time.Now().Add(24 * time.Hour))}, &issuancev1.SigningKeyActivated{KeyId: keyID}); err != nil {
		return nil, err
	}
	seen, err := w.append(ctx, "issuance", "credential", client, 0, &issuancev1.CredentialIssued{Kind: "client_secret", GrantId: w.grant, RequestId: w.request,
		ApplicationId: w.application, OrganizationId: w.organization, ProductId: w.product, Scopes: []string{"accounts:read"}, Environment: "sandbox", Generation: 1,
		Fingerprint: make([]byte, 32), ExpiresAt: timestamppb.New(time.Now().Add(time.Hour))})
	if err != nil {
		return nil, err
	}
	signer, err := accesstoken.NewSigner(keyID, private)
	if err != nil {
		return nil, err
	}
	return func() (string, error) {
		return signer.Sign(accesstoken.Claims{Issuer: benchIssuer, Subject: client, ClientID: client, Audience: jwt.Audience{accesstoken.AudienceOf(w.product)},
			Expires: jwt.NewNumericDate(time.Now().Add(time.Hour)), IssuedAt: jwt.NewNumericDate(time.Now()), ID: uuid.NewString(), Scope: "accounts:read", Generation: 1,
			Application: w.application, Organization: w.organization, Product: w.product, Environment: "sandbox", Seen: seen})
	}, nil
}

// verifyingTokens is P3: a token at first sight and one seen before, beside a plain handler.
func verifyingTokens(ctx context.Context, b *bench) ([]row, error) {
	at, w, stop, err := b.serving(ctx, "p3")
	if err != nil {
		return nil, err
	}
	defer stop()
	mint, err := w.minting(ctx)
	if err != nil {
		return nil, err
	}
	one, err := mint()
	if err != nil {
		return nil, err
	}
	if err := admitted(ctx, at.Gateway, one); err != nil {
		return nil, err
	}
	n := b.n(15_000)
	again, hello, err := interleave(20,
		func() (sample, error) { return load(ctx, at.Gateway, question(one), n, at.PID) },
		func() (sample, error) { return load(ctx, at.Hello, question(one), n, at.PID) })
	if err != nil {
		return nil, err
	}
	const rounds = 4
	m := b.n(20_000) / rounds
	fresh := make([][]byte, rounds*m)
	for i := range fresh {
		token, err := mint()
		if err != nil {
			return nil, err
		}
		fresh[i] = question(token)
	}
	next := 0
	first, plain, err := interleave(rounds,
		func() (sample, error) {
			batch := fresh[next : next+m]
			next += m
			return loadEach(ctx, at.Gateway, func(i int) []byte { return batch[i] }, m, at.PID)
		},
		func() (sample, error) { return load(ctx, at.Hello, question(one), m, at.PID) })
	if err != nil {
		return nil, err
	}
	rate := again.rate() / hello.rate()
	return []row{
		{"P3", "verify an EdDSA access token at first sight, CPU", fmt.Sprintf("%.1f µs", each(first)), fmt.Sprintf("%.1f µs net/http 204", each(plain)), fmt.Sprintf("%.2f", each(first)/each(plain)),
			"≤ 65 µs", each(first) <= 65},
		{"P3", "verify one seen before, 32 connections", perSecond(again.rate()), perSecond(hello.rate()) + " net/http 204", fmt.Sprintf("%.2f", rate), "≥ 0.75", rate >= .75},
	}, nil
}
