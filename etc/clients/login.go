// The same login page as login.php, as a service by Go and its bcrypt: on
// 127.0.0.1:$PORT, for a web server that says Host as it came, and X-Real-IP.
package main
import ("context"; "encoding/json"; "fmt"; "golang.org/x/crypto/bcrypt"; "net"
	"net/http"; "net/url"; "os"; "strings"; "time")
const agent, cookie, api = "/run/latchkey/agent.sock", "latchkey", "http://localhost/v1/"
const form = `<form method=post><input name=user><input name=password type=password>
<button name=do value=login>Log in</button></form>`
const more = `</ul><form method=post><button name=do value=logout>Log out</button>
<button name=do value=logout-others>Elsewhere</button></form>`
var passwords = map[string]string{} // as bcrypt.GenerateFromPassword has them
var client = http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
	DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", agent)
	}}}
type said struct{ Set_Cookie, Next, User, Id, Client string; Revoked int }
// The status, and what is said; 503 if there is no answer.
func read[T any](reply *http.Response, err error) (status int, what T) {
	if err != nil { return 503, what }
	defer reply.Body.Close()
	if json.NewDecoder(reply.Body).Decode(&what) != nil { return 503, what }
	return reply.StatusCode, what
}
func ask(verb string, fields url.Values) (int, said) { return read[said](client.PostForm(api+verb, fields)) }
func serve(set http.Header, r *http.Request) (int, string) {
	act, user, token := r.PostFormValue("do"), r.PostFormValue("user"), "none"
	from := r.Header.Get("Sec-Fetch-Site")
	if held, err := r.Cookie(cookie); err == nil && held.Value != "" { token = held.Value }
	// No page of another site may log anybody in or out.
	if _, host, _ := strings.Cut(r.Header.Get("Origin"), "://"); from == "" && host == r.Host { from = "none" }
	if act != "" && from != "same-origin" && from != "none" { return 403, "Not from there." }
	if act == "login" {
		password := []byte(r.PostFormValue("password"))
		if bcrypt.CompareHashAndPassword([]byte(passwords[user]), password) != nil { return 401, "Wrong." }
		status, said := ask("issue", url.Values{"user": {user}, "client": {"web"}, "replaces": {token},
			"url": {r.FormValue("url")}, "peer": {r.Header.Get("X-Real-IP")}})
		if status != 201 { return status, "You cannot log in now." }
		set["Set-Cookie"], set["Location"] = []string{said.Set_Cookie}, []string{said.Next}
		return 303, ""
	} else if verb := map[string]string{"logout": "revoke", "logout-others": act}[act]; verb != "" {
		status, said := ask(verb, url.Values{"token": {token}, "reason": {act}})
		if said.Set_Cookie != "" { set["Set-Cookie"] = []string{said.Set_Cookie} }
		return status, fmt.Sprintf("Ended: %d.", said.Revoked)
	}
	status, me := ask("check", url.Values{"token": {token}})
	if status != 200 { return status, form }
	status, all := read[[]said](client.Get(api + "sessions?user=" + url.QueryEscape(me.User)))
	page := "Your sessions:<ul>"
	for _, one := range all { page += "<li>" + one.Client + " " + one.Id }
	return status, page + more
}
func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		status, page := serve(w.Header(), r)
		w.WriteHeader(status)
		fmt.Fprint(w, page)
	})
	http.ListenAndServe("127.0.0.1:" + os.Getenv("PORT"), nil)
}
