#!/usr/bin/env python3
"""tools/record-session.py [MODULE] [SVG]

Types a short session into an interactive pwsh in tmux, and writes what its terminal showed as an animated SVG
(docs/session.svg). Nothing in it is drawn by hand: the screen is read twenty times a second while the session runs, in
network namespaces of this script's own, and each row of the terminal becomes an element with the times at which it was
seen.

Needs root, tmux, iproute2 and the built module (output/XdpPS).
"""
import html
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODULE = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "output", "XdpPS"))
TARGET = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "docs", "session.svg"))
COLUMNS, ROWS = 80, 26
LAB, PEER = f"xdpps-film-{os.getpid()}", f"xdpps-film-{os.getpid()}-peer"
TMUX = ["tmux", "-L", LAB, "-f", "/dev/null"]
PROMPT = re.compile(r"^PS> $")

# What is typed, and how long (s) the reader has to look at what it printed.
SCENARIO = [
    ("Get-XdpInterface eth1", 2.0),
    ("Test-XdpInterface eth1 -Name NativeXdp, ZeroCopy, Queues, Mtu, VlanOffload", 4.0),
    ("$s = New-XskSocket eth1 -Filter 'arp or icmp'", 0.8),
    ("$s | Receive-XskPacket -Count 4", 3.0),
    ("$ask = @{ SourceAddress = '192.0.2.1'; DestinationAddress = '192.0.2.10' }", 0.4),
    ("New-XskFrame -Arp -InterfaceName eth1 @ask | Send-XskFrame $s", 0.6),
    ("($s | Receive-XskPacket | Where-Object Arp | Select-Object -First 1).Info", 2.5),
    ("$s | Remove-XskSocket", 0.4),
    ("$a, $b = New-XskSocket eth1, eth2", 0.6),
    ("Measure-XskPath $a $b -FrameSize 64, 512, 1518 -PacketsPerSecond 2000 -DurationSeconds 1", 5.0),
]

PALETTE = ["#5c6370", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0"]
BRIGHT = {90: "#9aa1ad"}


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def inside(name, *command):
    run("ip", "netns", "exec", name, *command)


def tmux(*command):
    return subprocess.run([*TMUX, *command], check=True, stdout=subprocess.PIPE, text=True).stdout


def build_lab():
    """eth1 and eth2 are on a hub with a host that pings eth1."""
    run("ip", "netns", "add", LAB)
    run("ip", "netns", "add", PEER)
    for name in (LAB, PEER):
        run("ip", "-n", name, "link", "set", "lo", "up")
    # A hub is a bridge that learns nothing.
    run("ip", "-n", PEER, "link", "add", "hub", "address", "02:00:00:00:02:02", "type", "bridge", "ageing_time", "0", "mcast_snooping", "0")
    for number in (1, 2):
        run("ip", "-n", PEER, "link", "add", f"port{number}", "type", "veth", "peer", "name", f"eth{number}",
            "address", f"02:00:00:00:01:0{number}", "netns", LAB)
        run("ip", "-n", PEER, "link", "set", f"port{number}", "addrgenmode", "none", "master", "hub", "up")
        run("ip", "-n", LAB, "link", "set", f"eth{number}", "addrgenmode", "none", "up")
    run("ip", "-n", PEER, "link", "set", "hub", "addrgenmode", "none", "up")
    run("ip", "-n", PEER, "address", "add", "192.0.2.10/24", "dev", "hub")
    run("ip", "-n", LAB, "address", "add", "192.0.2.1/24", "dev", "eth1")
    # Its question for eth1's address would be taken by the socket, and never be answered.
    run("ip", "-n", PEER, "neighbour", "add", "192.0.2.1", "lladdr", "02:00:00:00:01:01", "dev", "hub", "nud", "permanent")
    return subprocess.Popen(["ip", "netns", "exec", PEER, "sh", "-c", "ping -q -i 0.4 192.0.2.1 >/dev/null"])


def remove_lab(ping):
    if ping is not None:
        ping.kill()
    subprocess.run([*TMUX, "kill-server"], stderr=subprocess.DEVNULL)
    for name in (LAB, PEER):
        subprocess.run(["ip", "netns", "pids", name], stdout=subprocess.DEVNULL)
        subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL)


class Film:
    """The screen at each moment at which it was another."""

    def __init__(self):
        self.frames = []
        self.start = time.monotonic()

    def look(self):
        screen = tmux("capture-pane", "-e", "-p").rstrip("\n").split("\n")
        style = Style()
        screen = [markup(line, style) for line in (screen + [""] * ROWS)[:ROWS]]
        moment = time.monotonic() - self.start
        if not self.frames or self.frames[-1][1] != screen:
            self.frames.append((moment, screen))

    def watch(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            time.sleep(0.05)

    def last_line(self):
        column, row = tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return tmux("capture-pane", "-p").split("\n")[int(row)][: int(column)].ljust(int(column))

    def wait_for_prompt(self, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            if PROMPT.match(self.last_line()):
                return
            time.sleep(0.05)
        raise SystemExit("The prompt did not come back:\n" + tmux("capture-pane", "-p"))


def record():
    start = ("$PSStyle.Progress.View = 'Classic'; Import-Module " + MODULE + "; Set-PSReadLineOption -PredictionSource None -HistorySaveStyle SaveNothing; "
             "function prompt { 'PS> ' }; Clear-Host")
    tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), "ip", "netns", "exec", LAB, "pwsh", "-NoProfile", "-NoLogo", "-NoExit", "-Command", start)
    tmux("set-option", "-g", "status", "off")
    Film().wait_for_prompt(60)
    film = Film()
    film.watch(0.6)
    for line, pause in SCENARIO:
        for first in range(0, len(line), 2):
            # To tmux a semicolon at the end of an argument begins another command.
            tmux("send-keys", "-l", "--", re.sub(";$", r"\;", line[first:first + 2]))
            film.watch(0.05)
        film.watch(0.3)
        tmux("send-keys", "Enter")
        film.watch(0.2)
        film.wait_for_prompt()
        film.watch(pause)
    return film.frames


class Style:
    """The colours that are in force: what tmux prints for a row goes on where the row above ended."""

    def __init__(self):
        self.colour, self.bold = None, False

    def apply(self, codes):
        codes = [int(code or 0) for code in codes.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.colour, self.bold = None, False
            elif code in (1, 22):
                self.bold = code == 1
            elif code == 39:
                self.colour = None
            elif 30 <= code <= 37:
                self.colour = PALETTE[code - 30]
            elif 90 <= code <= 97:
                self.colour = BRIGHT.get(code, PALETTE[code - 90])
            elif code in (38, 48):
                # 5;N of a palette, or 2;R;G;B; backgrounds are left out.
                rest = codes[1:2] if codes[:1] == [5] else codes[1:4]
                if code == 38:
                    self.colour = "#%02x%02x%02x" % tuple(rest) if len(rest) == 3 else PALETTE[rest[0] % 8]
                del codes[: 1 + len(rest)]


def markup(line, style):
    """A row of the terminal as tspans; each begins in its column, whatever font there is."""
    parts, column = [], 0
    for escape, text in re.findall(r"\x1b\[([0-9;]*)m|([^\x1b]+)", line):
        if not text:
            style.apply(escape)
            continue
        start = column + len(text) - len(text.lstrip())
        shown = html.escape(text.strip(), quote=False).replace(" ", "\u00a0")
        if shown:
            look = (f' fill="{style.colour}"' if style.colour else "") + (' font-weight="bold"' if style.bold else "")
            parts.append(f'<tspan x="{10 + start * 8.43:.1f}"{look}>{shown}</tspan>')
        column += len(text)
    return "".join(parts)


def write_svg(frames, path):
    total = frames[-1][0] + 3
    height = ROWS * 18 + 44
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {COLUMNS * 8.43 + 20:.0f} {height}" font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="14">',
        "<title>A session with XdpPS</title>",
        '<rect width="100%" height="100%" rx="8" fill="#1e222a"/>',
        '<g><circle cx="18" cy="16" r="6" fill="#e06c75"/><circle cx="38" cy="16" r="6" fill="#e5c07b"/><circle cx="58" cy="16" r="6" fill="#98c379"/></g>',
        # The clock of all others: it begins again when it has ended.
        f'<rect width="0" height="0"><animate id="film" attributeName="x" from="0" to="0" begin="0;film.end" dur="{total:.2f}s"/></rect>',
        '<g fill="#d7dae0">',
    ]
    for row in range(ROWS):
        first = 0
        while first < len(frames):
            text = frames[first][1][row]
            last = first
            while last + 1 < len(frames) and frames[last + 1][1][row] == text:
                last += 1
            begin, end = frames[first][0], frames[last + 1][0] if last + 1 < len(frames) else total
            if text:
                # The last picture is what is seen where nothing moves.
                still = last + 1 == len(frames)
                hide = f'<set attributeName="visibility" to="hidden" begin="film.begin" dur="{begin:.2f}s"/>' if begin > 0 else ""
                show = f'<set attributeName="visibility" to="visible" begin="film.begin+{begin:.2f}s" dur="{end - begin:.2f}s"/>'
                hidden = "" if still else ' visibility="hidden"'
                out.append(f'<text y="{48 + row * 18}"{hidden}>{text}{hide if still else show}</text>')
            first = last + 1
    out.append("</g></svg>\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out))
    print(f"{path}: {os.path.getsize(path)} bytes, {total:.0f} s, {len(frames)} pictures")


def main():
    ping = None
    try:
        ping = build_lab()
        frames = record()
    finally:
        remove_lab(ping)
    write_svg(frames, TARGET)


if __name__ == "__main__":
    main()
