"""What a person does in a real browser, behind real web servers: one browser,
whose cookie jars are those of its hosts."""

import base64
import contextlib
import os
import subprocess
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from support.login import PASSWORDS, PeopleSite
from support.nginx import NginxTls
from support.place import Place, wait_until
from support.servers import find_program

webdriver = pytest.importorskip("selenium.webdriver",
                                reason="not installed: python3-selenium")

HOSTS = ("localhost", "127.0.0.1")
FRAMED = """<!DOCTYPE html><title>A trap</title>
<iframe src="/session/login"></iframe><iframe src="/session/page"></iframe>
"""
# How text stands out from what is behind it (WCAG 2.2, 1.4.3): what is less
# than 4.5, and of the edges of fields what is less than 3.
FAINT = """
const numbers = (color) => color.match(/[0-9.]+/g).map(Number);
const light = (color) => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => {
  const value = numbers(color)[i] / 255;
  return sum + part * (value <= 0.04045 ? value / 12.92
    : ((value + 0.055) / 1.055) ** 2.4);
}, 0.05);
const behind = (element) => {
  const color = element ? getComputedStyle(element).backgroundColor
    : "rgb(255, 255, 255)";
  return numbers(color)[3] === 0 ? behind(element.parentElement) : color;
};
const ratio = (a, b) => Math.max(light(a), light(b))
  / Math.min(light(a), light(b));
const faint = [];
let seen = 0;
for (const element of document.body.querySelectorAll("*")) {
  const style = getComputedStyle(element), field = element.tagName === "INPUT";
  if (!field && ![...element.childNodes].some((node) =>
    node.nodeType === Node.TEXT_NODE && node.data.trim()))
    continue;
  seen++;
  for (const [color, back, least] of [
    [style.color, behind(element), 4.5],
    field && [style.borderTopColor, behind(element.parentElement), 3]]
    .filter(Boolean))
    if (!(ratio(color, back) >= least))
      faint.push([element.outerHTML, color, back, ratio(color, back)]);
}
return [seen, faint];"""


class Visit:
    """A browser at one web server, by a host that it is called by."""

    def __init__(self, driver, base):
        self.driver = driver
        self.base = base

    def go(self, path):
        self.driver.get(self.base + path)

    @property
    def where(self):
        """Path and query of the page that is shown."""
        url = urlsplit(self.driver.current_url)
        assert f"{url.scheme}://{url.netloc}" == self.base
        return url.path + (f"?{url.query}" if url.query else "")

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    @property
    def text(self):
        return self.find("body").text

    def click(self, element):
        """Press a button, and wait for the page that it leads to."""
        before = self.find("html").id
        element.click()
        wait_until(lambda: self.all("html") and
                   self.find("html").id != before, "another page")

    def log_in(self, user="alice", password=None, path=None):
        if path is not None:
            self.go(path)
        for field in ("user", "password"):
            self.find(f"#{field}").clear()
        self.find("#user").send_keys(user)
        self.find("#password").send_keys(password or PASSWORDS[user])
        self.click(self.find("button"))

    def leave(self):
        """Sign out, on the page of one's sessions."""
        self.find("li[aria-current] button").click()
        wait_until(lambda: "/session/login" in self.driver.current_url,
                   "the login")

    @contextlib.contextmanager
    def in_the(self, scheme):
        """With colours that are light or dark."""
        def prefer(features):
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                        {"features": features})

        prefer([{"name": "prefers-color-scheme", "value": scheme}])
        try:
            yield
        finally:
            prefer([])

    def forget(self):
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})

    def picture(self, name):
        """One to be looked at, in the folder LK_PICTURES."""
        if "LK_PICTURES" in os.environ:
            path = Path(os.environ["LK_PICTURES"]) / f"{name}.png"
            self.driver.save_screenshot(str(path))


@pytest.fixture(scope="module")
def people():
    with Place() as place:
        site = PeopleSite(place)
        place.write("pages/public/trap.html", FRAMED, 0o644)
        yield site
        site.stop_fronts()


@pytest.fixture(scope="module")
def secure():
    """The same by TLS, with the cookie that no other host can set."""
    with Place() as place:
        site = PeopleSite(place, extra='cookie = { name = '
                          '"__Host-latchkey"; };\n')
        site.tls = place.add(NginxTls(site))
        yield site
        site.tls.stop()


def pin_of(certificate):
    """What the browser is told to trust: the SHA-256 of a public key."""
    key = subprocess.run(
        [find_program("openssl"), "x509", "-in", certificate, "-noout",
         "-pubkey"], check=True, capture_output=True).stdout
    der = subprocess.run(
        [find_program("openssl"), "pkey", "-pubin", "-outform", "DER"],
        input=key, check=True, capture_output=True).stdout
    digest = subprocess.run(
        [find_program("openssl"), "dgst", "-sha256", "-binary"], input=der,
        check=True, capture_output=True).stdout
    return base64.b64encode(digest).decode()


@pytest.fixture(scope="module")
def driver(secure):
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = find_program("chromium")
    with Place() as place:
        for argument in (
                "--headless=new", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-extensions",
                "--disable-component-update", "--disable-sync",
                "--window-size=900,900", f"--user-data-dir={place.path}/data",
                "--ignore-certificate-errors-spki-list="
                + pin_of(secure.tls.certificate)):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        browser = webdriver.Chrome(
            service=Service(find_program("chromedriver")), options=options)
        try:
            yield browser
        finally:
            browser.quit()


# What a web server may do to it; the rest is the gate's and the browser's.
both = pytest.mark.parametrize("visits", ["nginx", "lighttpd"], indirect=True)


@pytest.fixture
def visits(request, people, driver):
    """Two browsers, as far as cookies go, at nginx unless a test says more."""
    port = people.front(getattr(request, "param", "nginx")).port
    made = [Visit(driver, f"http://{host}:{port}") for host in HOSTS]
    yield made
    made[0].forget()


@pytest.fixture
def visit(visits):
    return visits[0]


@pytest.fixture
def safe(secure, driver):
    visit = Visit(driver, f"https://localhost:{secure.tls.tls_port}")
    yield visit
    visit.forget()


@contextlib.contextmanager
def another_tab(driver):
    before = driver.current_window_handle
    driver.switch_to.new_window("tab")
    try:
        yield
    finally:
        driver.close()
        driver.switch_to.window(before)


@both
def test_browser_lands_on_the_page_first_asked_for(visit):
    wanted = "/app/page?x=1&y=%2Fz&w=a+b"
    visit.go(wanted)
    assert visit.where == "/session/login?url=" + quote(wanted, safe="")
    assert visit.driver.title == "Sign in - The site"
    visit.picture("login")
    visit.log_in()
    assert visit.where == wanted
    assert "a protected page" in visit.text and "alice" in visit.text


def test_browser_by_keys_alone_and_as_it_is_read_out(visit):
    from selenium.webdriver.common.keys import Keys
    visit.go("/session/login?url=/app/page")
    user, password = visit.find("#user"), visit.find("#password")
    assert visit.driver.switch_to.active_element == user
    assert (user.accessible_name, password.accessible_name) == (
        "Name", "Password")
    user.send_keys("alice", Keys.TAB)
    assert visit.driver.switch_to.active_element == password
    password.send_keys(PASSWORDS["alice"], Keys.ENTER)
    wait_until(lambda: "/app/page" in visit.driver.current_url, "the page")


@both
def test_browser_with_a_wrong_password_has_the_form_again(visit):
    visit.log_in(password="wrong", path="/session/login?url=/app/page?a=b")
    alert = visit.find("[role=alert]")
    assert alert.text == "The name or the password is wrong."
    assert visit.find("#user").get_attribute("value") == "alice"
    assert visit.driver.switch_to.active_element == visit.find("#password")
    visit.picture("wrong")
    assert visit.driver.get_cookies() == []
    visit.log_in()
    assert visit.where == "/app/page?a=b"


def test_browser_takes_the_style_and_no_script(visit):
    visit.driver.get_log("browser")
    for path in ("/session/login", "/session/page"):
        visit.go(path)
        if "page" in path:
            visit.log_in()
        button = visit.find("button")
        assert button.value_of_css_property("border-radius") == "8px"
        assert visit.all("script, [onclick], [style]") == []
    refused = [line for line in visit.driver.get_log("browser")
               if "Content Security Policy" in line["message"]]
    assert refused == []


def test_browser_cookie_is_what_it_should_be(visit, safe):
    for here, name in ((visit, "latchkey"), (safe, "__Host-latchkey")):
        here.log_in(path="/session/login")
        cookie = here.driver.get_cookie(name)
        assert cookie["httpOnly"] and cookie["secure"]
        assert (cookie["sameSite"], cookie["path"]) == ("Lax", "/")
        assert cookie["domain"] == "localhost"
        assert cookie["expiry"] > 0


def test_browser_by_tls_goes_all_the_way(safe):
    safe.go("/app/page?x=1")
    safe.log_in()
    assert safe.where == "/app/page?x=1"
    safe.go("/session/page")
    assert "Signed in as alice." in safe.text
    safe.leave()
    assert [cookie["value"] for cookie in safe.driver.get_cookies()
            if cookie["value"]] == []


def test_browser_in_two_tabs_has_one_session(visit):
    visit.log_in(path="/session/login?url=/app/page")
    with another_tab(visit.driver):
        visit.go("/app/page?second")
        assert visit.where == "/app/page?second"
        visit.go("/session/page")
        visit.leave()
    visit.go("/app/page")
    assert visit.where.startswith("/session/login")


@both
def test_browser_ends_the_session_of_another(visits):
    here, there = visits
    here.log_in("bob", path="/session/login?url=/session/page")
    there.log_in("bob", path="/session/login?url=/session/page")
    assert there.where == "/session/page"
    before = len(there.all("li.card"))
    there.picture("page")
    there.click(there.all("li.card button")[1])
    assert there.find("[role=status]").text == "That session has ended."
    assert len(there.all("li.card")) == before - 1 >= 1
    here.go("/app/page")
    assert here.where.startswith("/session/login")
    assert here.find("[role=status]").text == "It was ended from elsewhere."
    here.picture("ended")
    here.log_in("bob")
    there.go("/session/page")
    there.click(there.all("main > form button")[-1])
    assert len(there.all("li.card")) == 1
    here.go("/app/page")
    assert here.find("[role=status]").text == (
        "You signed out everywhere else.")


def test_browser_goes_back_to_nothing(safe):
    """A browser may keep a page that is left, whatever it says of caches."""
    safe.log_in("bob", path="/session/login?url=/session/page")
    assert "Signed in as bob." in safe.text
    safe.leave()
    for _ in range(2):
        safe.driver.back()
        assert "Signed in as" not in safe.text
        assert safe.where.startswith("/session/login")


def test_browser_goes_back_to_nothing_by_the_endpoint_either(safe):
    """A site's own button asks `logout` by a form."""
    safe.log_in("bob", path="/session/login?url=/session/page")
    assert "Signed in as bob." in safe.text
    safe.driver.execute_script("""
        const form = document.createElement("form");
        form.method = "post";
        form.action = "/session/logout";
        document.body.append(form);
        form.submit();""")
    wait_until(lambda: "revoked" in safe.text, "the answer")
    safe.driver.back()
    assert "Signed in as" not in safe.text
    assert safe.where.startswith("/session/login")


@pytest.mark.parametrize("url", [
    "//evil.example/", "/\\evil.example/", "https://evil.example/",
    "/%09/evil.example", "javascript:alert(1)"])
def test_browser_is_led_nowhere_else(visit, url):
    visit.log_in(path="/session/login?url=" + quote(url, safe=""))
    assert visit.where in ("/", url)


def test_browser_signs_out_to_the_login_of_another_host(people, visits):
    """Where a form leads to is part of what its page may do."""
    here, there = visits
    login = f"{there.base}/session/login"
    here.log_in(path="/session/login?url=/session/page")
    with people.login_at(login):
        here.go("/session/page")
        here.find("li[aria-current] button").click()
        wait_until(lambda: here.driver.current_url == login, "the other host")


def test_browser_shows_none_of_it_in_a_frame(visit):
    visit.log_in(path="/session/login?url=/session/page")
    visit.go("/public/trap.html")
    frames = visit.all("iframe")
    assert len(frames) == 2
    for frame in frames:
        visit.driver.switch_to.frame(frame)
        assert visit.all("main, input, button[type=submit]") == []
        visit.driver.switch_to.default_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_browser_shows_nothing_too_faint(visits, scheme):
    here, there = visits

    def assert_readable(least):
        seen, faint = here.driver.execute_script(FAINT)
        assert seen >= least and faint == []

    with here.in_the(scheme):
        here.go("/session/login")
        assert_readable(6)
        here.log_in(password="wrong")
        here.find("[role=alert]")
        assert_readable(7)
        there.log_in("bob", path="/session/login")
        here.log_in("bob", path="/session/login?url=/session/page")
        here.go("/session/page?done=1")
        here.find("[role=status]")
        assert len(here.all("li.card")) > 1 and here.all("ol.past li")
        assert_readable(20)


def test_browser_of_a_phone_and_in_the_dark(visit):
    driver = visit.driver
    visit.log_in("bob", path="/session/login?url=/session/page")
    driver.set_window_size(500, 800)
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": "dark"}]})
    try:
        visit.go("/session/page")
        assert driver.execute_script(
            "return document.documentElement.scrollWidth") <= 360
        assert visit.find("body").value_of_css_property(
            "background-color") == "rgba(13, 17, 23, 1)"
        for button in visit.all("button"):
            assert button.size["height"] >= 44
        visit.picture("phone-dark")
        visit.go("/session/login")
        visit.picture("phone-dark-login")
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        driver.set_window_size(900, 900)
