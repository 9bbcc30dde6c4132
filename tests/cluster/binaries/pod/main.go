// The program in the images of the test cluster. `pause` holds the namespaces of a pod; `stand-in` answers for whatever
// an image was to do (see standin.go). Where the image says where stand-ins ask, it is one whatever its arguments are:
// they are the pod's, and meant for another program.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	untilToldToEnd, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	switch task() {
	case "pause":
		go reap()
		<-untilToldToEnd.Done()
	case "stand-in":
		if err := standIn(untilToldToEnd, os.Getenv(addressOf)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: pause | stand-in")
		os.Exit(2)
	}
}

func task() string {
	if os.Getenv(addressOf) != "" {
		return "stand-in"
	}
	if len(os.Args) < 2 {
		return ""
	}
	return os.Args[1]
}

// In a pod whose containers share one process namespace, this is the process that orphans fall to.
func reap() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	for range ended {
		for {
			if pid, _ := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 {
				break
			}
		}
	}
}
