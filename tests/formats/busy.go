// A Go program that profiles itself: FOLDER/cpu.pb.gz is what Go's own runtime writes, FOLDER/heap.pb.gz is no time.
package main

import (
	"context"
	"os"
	"runtime/pprof"
	"time"
)

//go:noinline
func burn(rounds int) (sum int) {
	for i := 0; i < rounds; i++ {
		sum += i * i % 7
	}
	return
}

//go:noinline
func three(until time.Time) {
	for time.Now().Before(until) {
		burn(3000000)
	}
}

func main() {
	file, err := os.Create(os.Args[1] + "/cpu.pb.gz")
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		panic(err)
	}
	pprof.Do(context.Background(), pprof.Labels("request", "first"), func(context.Context) {
		three(time.Now().Add(700 * time.Millisecond))
	})
	three(time.Now().Add(300 * time.Millisecond))
	pprof.StopCPUProfile()
	file.Close()
	heap, err := os.Create(os.Args[1] + "/heap.pb.gz")
	if err != nil {
		panic(err)
	}
	pprof.Lookup("heap").WriteTo(heap, 0)
	heap.Close()
}
