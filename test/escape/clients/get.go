package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
)

func main() {
	gate, err := tls.Dial("tcp", os.Args[1]+":443", nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(gate, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", os.Args[1])
	answer, _ := io.ReadAll(gate)
	fmt.Print(string(answer))
}
