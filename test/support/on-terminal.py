"""Runs a command on a terminal, and types. Arguments: a JSON list of [what to wait for, what to type], then the command."""

import json
import os
import pty
import sys

dialogue = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])

seen = ""
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:  # Linux reports the end of a terminal like this.
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
    seen += data.decode(errors="replace")
    while dialogue and dialogue[0][0] in seen:
        awaited, types = dialogue.pop(0)
        seen = seen.split(awaited, 1)[1]
        os.write(terminal, types.encode())

sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
