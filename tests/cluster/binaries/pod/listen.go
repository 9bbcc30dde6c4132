package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	headLimit   = 1 << 16 // bytes of a request's head
	bodyLimit   = 1 << 24 // bytes of a request's body, read and thrown away
	idleLimit   = time.Minute
	echoLimit   = 512 // bytes of an answer by UDP that are the asker's own words
	packetLimit = 1 << 16
)

// listeners are the ports that are open; name holds what the pod is called.
type listeners struct {
	name *atomic.Value
	open map[Port]io.Closer
}

// follow opens what is wanted and closes what is not; what cannot be opened is told, and tried again at the next call.
func (l *listeners) follow(wanted order) error {
	if wanted.Pod != "" {
		l.name.Store(wanted.Pod)
	}
	for port, at := range l.open {
		if !slices.Contains(wanted.Ports, port) {
			at.Close()
			delete(l.open, port)
			fmt.Println("closed", port)
		}
	}
	var problems []error
	for _, port := range wanted.Ports {
		if l.open[port] != nil {
			continue
		}
		at, err := l.listen(port)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", port, err))
			continue
		}
		l.open[port] = at
		fmt.Println("opened", port)
	}
	return errors.Join(problems...)
}

func (l *listeners) listen(port Port) (io.Closer, error) {
	switch port.Protocol {
	case "TCP":
		return l.listenTCP(port)
	case "UDP":
		return l.listenUDP(port)
	}
	return nil, errors.New("stand-ins speak TCP and UDP")
}

func (l *listeners) text(client string) string {
	return fmt.Sprintf("%s from %s\n", l.name.Load(), client)
}

func (l *listeners) listenTCP(port Port) (io.Closer, error) {
	at, err := net.Listen("tcp", fmt.Sprintf(":%d", port.Number)) // both families in one socket
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(l.answer), IdleTimeout: idleLimit, ReadHeaderTimeout: idleLimit, MaxHeaderBytes: headLimit}
	go server.Serve(at)
	return server, nil
}

func (l *listeners) answer(to http.ResponseWriter, request *http.Request) {
	io.Copy(io.Discard, http.MaxBytesReader(to, request.Body, bodyLimit))
	client, _, _ := net.SplitHostPort(request.RemoteAddr)
	to.Header().Set("Content-Type", "text/plain")
	io.WriteString(to, l.text(client))
}

// sockets are closed together.
type sockets []*net.UDPConn

func (s sockets) Close() error {
	for _, one := range s {
		one.Close()
	}
	return nil
}

// listenUDP has a socket for each family, since each tells in its own way which address was asked.
func (l *listeners) listenUDP(port Port) (io.Closer, error) {
	var both sockets
	for _, kind := range []family{ipv4, ipv6} {
		made, err := (&net.ListenConfig{Control: kind.tellDestination}).ListenPacket(context.Background(), kind.network, fmt.Sprintf(":%d", port.Number))
		if errors.Is(err, syscall.EAFNOSUPPORT) { // a machine without IPv6
			continue
		}
		if err != nil {
			both.Close()
			return nil, err
		}
		both = append(both, made.(*net.UDPConn))
		go l.echo(made.(*net.UDPConn), kind)
	}
	return both, nil
}

// echo answers each datagram from the address that was asked: a pod on its node's network has several.
func (l *listeners) echo(at *net.UDPConn, kind family) {
	data, ancillary := make([]byte, packetLimit), make([]byte, 128)
	for {
		size, extra, _, client, err := at.ReadMsgUDP(data, ancillary)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // an answer before this one was refused
			continue
		}
		reply := append([]byte(l.text(client.IP.String())), data[:min(size, echoLimit)]...)
		at.WriteMsgUDP(reply, kind.source(ancillary[:extra]), client)
	}
}
