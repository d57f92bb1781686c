package embedded

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// Cluster is several nodes in one process, each with its own folder and ports.
type Cluster struct {
	Nodes   []*NATS
	options []NATSOptions
}

// StartCluster starts size nodes below dir and returns once they have elected a leader and agree on who is a member.
func StartCluster(ctx context.Context, size int, o NATSOptions) (*Cluster, error) {
	for {
		c, err := startCluster(ctx, size, o)
		// The ports were free when they were chosen; somebody may have taken one since.
		if errors.Is(err, ErrPortTaken) && ctx.Err() == nil {
			continue
		}
		return c, err
	}
}

func startCluster(ctx context.Context, size int, o NATSOptions) (*Cluster, error) {
	options, err := ClusterNodes(size, o)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Nodes: make([]*NATS, size), options: options}
	for i := range options {
		if err := c.Start(ctx, i); err != nil {
			c.Stop()
			return nil, err
		}
	}
	if err := c.settle(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// ClusterNodes are the options of size nodes that know each other, with free ports and folders below o.Dir; each may run
// in a process of its own.
func ClusterNodes(size int, o NATSOptions) ([]NATSOptions, error) {
	ports, err := freePorts(2 * size)
	if err != nil {
		return nil, err
	}
	routes := make([]string, size)
	for i := range routes {
		routes[i] = fmt.Sprintf("127.0.0.1:%d", ports[size+i])
	}
	nodes := make([]NATSOptions, size)
	for i := range nodes {
		node := o
		node.Name = fmt.Sprintf("node-%d", i+1)
		node.Dir = filepath.Join(o.Dir, node.Name)
		node.Address = fmt.Sprintf("127.0.0.1:%d", ports[i])
		node.Cluster = &ClusterOptions{Name: "chancery", Address: routes[i], Routes: routes}
		nodes[i] = node
	}
	return nodes, nil
}

// Start starts node i again after it was stopped.
func (c *Cluster) Start(ctx context.Context, i int) (err error) {
	c.Nodes[i], err = StartNATS(ctx, c.options[i])
	return err
}

// URL names every node, for clients that look for another when theirs stops.
func (c *Cluster) URL() string {
	var urls string
	for i, o := range c.options {
		if i > 0 {
			urls += ","
		}
		urls += "nats://" + o.Address
	}
	return urls
}

// Stop ends every node that runs.
func (c *Cluster) Stop() {
	for _, n := range c.Nodes {
		if n != nil {
			n.Stop()
		}
	}
}

func (c *Cluster) settle(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		leaders, current := 0, 0
		for _, n := range c.Nodes {
			if n.server.JetStreamIsLeader() && len(n.server.JetStreamClusterPeers()) == len(c.Nodes) {
				leaders++
			}
			if n.server.JetStreamIsCurrent() {
				current++
			}
		}
		if leaders == 1 && current == len(c.Nodes) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the NATS cluster elected no leader: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}
