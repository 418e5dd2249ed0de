// The peer in Go that bench_peers.py starts: net/http and redigo, asking Redis
// what gosession's CheckToken asks: GET of the token, TTL, HGET of its index.
//
//	redigo LISTEN REDIS
package main

import (
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/gomodule/redigo/redis"
)

func check(conn redis.Conn, token string) bool {
	user := token[:strings.LastIndex(token, "_")+1]
	if user == "" {
		return false
	}
	value, err := redis.String(conn.Do("GET", "session_"+token))
	if err != nil || value != "user_"+user[:len(user)-1] {
		return false
	}
	ttl, err := redis.Int(conn.Do("TTL", "session_"+token))
	if err != nil || ttl <= 1 {
		return false
	}
	_, err = redis.String(conn.Do("HGET", "session_"+user[:len(user)-1],
		token))
	return err == nil
}

func main() {
	pool := &redis.Pool{MaxIdle: 20, Dial: func() (redis.Conn, error) {
		return redis.Dial("tcp", os.Args[2])
	}}
	answer := func(w http.ResponseWriter, r *http.Request) {
		conn := pool.Get()
		defer conn.Close()
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !check(conn, token) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(answer)))
}
