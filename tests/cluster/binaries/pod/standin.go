package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

const (
	addressOf   = "PYLB_STAND_IN" // the environment variable that says where to ask, as http://HOST:PORT/PATH
	pollEvery   = 200 * time.Millisecond
	pollLimit   = time.Second
	orderLimit  = 1 << 16 // bytes of an order that are read
	card        = "eth0"
	lingerLimit = 5 * time.Minute
)

// Port is where a stand-in listens, for IPv4 and for IPv6.
type Port struct {
	Protocol string `json:"protocol"` // TCP or UDP
	Number   uint16 `json:"number"`
}

func (p Port) String() string { return fmt.Sprintf("%s %d", p.Protocol, p.Number) }

// order is what the test cluster wants of the pod that has this address.
type order struct {
	Pod      string `json:"pod"` // NAMESPACE/NAME, or nothing where the cluster does not know it (yet)
	Ports    []Port `json:"ports"`
	LingerMS int64  `json:"linger_ms"` // how long it goes on serving once it has been told to end
}

func (o order) linger() time.Duration {
	return max(0, min(time.Duration(o.LingerMS)*time.Millisecond, lingerLimit))
}

// standIn listens where it is told to until the pod ends, and lingers then. While nobody tells, it goes on as before.
// An error where it cannot ask.
func standIn(untilEnd context.Context, where string) error {
	at, err := url.Parse(where)
	if err != nil || at.Host == "" {
		return fmt.Errorf("%s is %q, and should be a URL", addressOf, where)
	}
	host, _ := os.Hostname()
	open := listeners{name: &atomic.Value{}, open: map[Port]io.Closer{}}
	open.name.Store(host)
	client := &http.Client{Timeout: pollLimit, Transport: &http.Transport{}} // no proxy, whatever the environment says
	linger, tick, complaint := time.Duration(0), time.NewTicker(pollEvery), ""
	for {
		wanted, err := ask(untilEnd, client, *at)
		if err == nil {
			linger = wanted.linger()
			err = open.follow(wanted)
		}
		select {
		case <-tick.C:
			complaint = say(complaint, err)
		case <-untilEnd.Done():
			time.Sleep(linger)
			return nil
		}
	}
}

// say prints an error when it is another than before, so that the log tells a story and does not repeat it.
func say(before string, err error) string {
	now := ""
	if err != nil {
		now = err.Error()
	}
	if now != "" && now != before {
		fmt.Fprintln(os.Stderr, now)
	}
	return now
}

func ask(untilEnd context.Context, client *http.Client, at url.URL) (order, error) {
	query := at.Query()
	query.Set("address", ownAddress())
	at.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(untilEnd, http.MethodGet, at.String(), nil)
	if err != nil {
		return order{}, err
	}
	reply, err := client.Do(request)
	if err != nil {
		return order{}, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return order{}, fmt.Errorf("%s: %s", at.String(), reply.Status)
	}
	var wanted order
	err = json.NewDecoder(io.LimitReader(reply.Body, orderLimit)).Decode(&wanted)
	return wanted, err
}

// ownAddress is the pod's first address, IPv4 if it has any; "" before the network stands.
func ownAddress() string {
	own, err := net.InterfaceByName(card)
	if err != nil {
		return ""
	}
	found := ""
	addresses, _ := own.Addrs()
	for _, address := range addresses {
		network, is := address.(*net.IPNet)
		if !is || network.IP.IsLinkLocalUnicast() {
			continue
		}
		if network.IP.To4() != nil {
			return network.IP.String()
		}
		if found == "" {
			found = network.IP.String()
		}
	}
	return found
}
