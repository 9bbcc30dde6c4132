package main

import (
	"syscall"
	"unsafe"
)

// family is how one IP version tells, and is told, the own address of a datagram (ip(7), ipv6(7): IP_PKTINFO).
type family struct {
	network string
	level   int
	ask     int // the socket option: tell it with each datagram
	told    int // the type of the message that tells it
	card    int // where in that message the interface's index stands, four bytes
	size    int // bytes of that message
}

var (
	ipv4 = family{"udp4", syscall.IPPROTO_IP, syscall.IP_PKTINFO, syscall.IP_PKTINFO, 0, 12}
	ipv6 = family{"udp6", syscall.IPPROTO_IPV6, syscall.IPV6_RECVPKTINFO, syscall.IPV6_PKTINFO, 16, 20}
)

func (f family) tellDestination(_, _ string, raw syscall.RawConn) error {
	var problem error
	err := raw.Control(func(fd uintptr) { problem = syscall.SetsockoptInt(int(fd), f.level, f.ask, 1) })
	if err != nil {
		return err
	}
	return problem
}

// source turns what was told with a datagram into what its answer says: the same address, on whichever interface the
// routes choose. Nil, the kernel's choice, where nothing was told.
func (f family) source(ancillary []byte) []byte {
	messages, err := syscall.ParseSocketControlMessage(ancillary)
	if err != nil {
		return nil
	}
	for _, one := range messages {
		if int(one.Header.Level) != f.level || int(one.Header.Type) != f.told || len(one.Data) < f.size {
			continue
		}
		data := append([]byte(nil), one.Data[:f.size]...)
		clear(data[f.card : f.card+4])
		return message(one.Header, data)
	}
	return nil
}

func message(head syscall.Cmsghdr, data []byte) []byte {
	packed := make([]byte, syscall.CmsgSpace(len(data)))
	head.SetLen(syscall.CmsgLen(len(data)))
	*(*syscall.Cmsghdr)(unsafe.Pointer(&packed[0])) = head
	copy(packed[syscall.CmsgLen(0):], data)
	return packed
}
