package service

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/chancery-dev/chancery/libs/endpoint"
)

func (r *Running) listen(c Config, s *Service) error {
	handler := s.Handler
	if handler == nil {
		handler = r.Deps.API.Handler()
	}
	scrape := r.admin.Handler
	r.api = &http.Server{
		Handler: r.health.gate(handler), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 2 * endpoint.MaxHeader,
		ErrorLog: slog.NewLogLogger(r.Deps.Logger.Handler(), slog.LevelWarn),
	}
	if s.Tune != nil {
		s.Tune(r.api)
	}
	r.admin = &http.Server{Handler: r.health.admin(scrape, s.Admin), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	var err error
	if r.api.TLSConfig, err = tlsConfig(c.Variables); err != nil {
		return err
	}
	if r.URL, err = r.serve(r.api, c.HTTPAddr, "HTTP_ADDR"); err != nil {
		return err
	}
	if c.TLSAddr != "" {
		if r.TLSURL, err = r.serveTLS(r.api, c.TLSAddr); err != nil {
			return err
		}
	}
	r.AdminURL, err = r.serve(r.admin, c.AdminAddr, "ADMIN_ADDR")
	return err
}

func (r *Running) serve(server *http.Server, address Address, variable string) (string, error) {
	listener, err := net.Listen("tcp", string(address))
	if err != nil {
		return "", fmt.Errorf("%s: cannot listen on %s: %w", variable, address, err)
	}
	r.loops.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			r.fail(fmt.Errorf("%s: %w", variable, err))
		}
	})
	return "http://" + listener.Addr().String(), nil
}
