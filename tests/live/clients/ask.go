// Go's net/http as it comes: a method and URLs, of which the last is asked for by that method.
package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	http.DefaultTransport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	// Without a time-out, a stream that is reset over HTTP/2 is tried again without end.
	client := http.Client{Timeout: time.Second}
	method, urls := os.Args[1], os.Args[2:]
	for number, url := range urls {
		request, _ := http.NewRequest("GET", url, nil)
		if number == len(urls)-1 && method == "POST" {
			request, _ = http.NewRequest("POST", url, strings.NewReader("a=b"))
		}
		answer, err := client.Do(request)
		if err != nil {
			continue
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}
