"""A stand-in for a service: answers /readyz, and does as it is told by its arguments.

stand_in.py PORT [--stubborn] [--crash-if FILE]
"""

import http.server
import os
import signal
import sys
import threading


class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())

    def log_message(self, *_: object) -> None:
        pass


if "--crash" in sys.argv:
    sys.exit("out of luck")
if "--stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "--child" in sys.argv and os.fork() == 0:
    threading.Event().wait()
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Ready)
server.serve_forever()
