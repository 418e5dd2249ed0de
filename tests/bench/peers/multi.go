// What gosession's RefreshToken and DeleteToken send, by the client that it
// has, redigo: bench_change.c says the rest.
//
//	multi SOCKET GOROUTINES
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
)

const changes = 2000
const hex = "0123456789abcdef0123456789abcdef"

var pool = &redis.Pool{MaxIdle: 20, Dial: func() (redis.Conn, error) {
	return redis.Dial("unix", os.Args[1])
}}

func set(conn redis.Conn, user string) {
	index := "gosession-token_" + user
	token := user + "_" + hex
	conn.Send("MULTI")
	conn.Send("SETEX", "gosession-token_"+token, 604800,
		"gosession-user_"+user)
	conn.Send("HSET", index, token, time.Now().Unix()+604800)
	conn.Send("EXPIRE", index, 2592000)
}

func remove(conn redis.Conn, user string) {
	token := user + "_" + hex
	conn.Send("MULTI")
	conn.Send("DEL", "gosession-token_"+token)
	conn.Send("HDEL", "gosession-token_"+user, token)
}

// Have all users changed by so many at once; how many that is a second.
func all(at int, change func(redis.Conn, string)) float64 {
	var group sync.WaitGroup
	start := time.Now()
	for n := 0; n < at; n++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			for i := 0; i < changes; i++ {
				conn := pool.Get()
				change(conn, fmt.Sprintf("u%d-%d", n, i))
				if _, err := conn.Do("EXEC"); err != nil {
					log.Fatal(err)
				}
				conn.Close()
			}
		}(n)
	}
	group.Wait()
	return float64(at*changes) / time.Since(start).Seconds()
}

func main() {
	at, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	all(at, set)
	refreshes := all(at, set)
	fmt.Printf("%.0f %.0f\n", refreshes, all(at, remove))
}
