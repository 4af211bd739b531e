"""The public ports: taken, or held for Envoy, before anything starts."""

import errno
import os
import socket

from kontor_cli.failure import Failure

BACKLOG = 1024
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Listens on a port; raises Failure naming the setting that chooses another."""
    sock = _bound(host, port, setting)
    try:
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _taken(host, port, setting, error) from error
    sock.set_inheritable(True)
    return sock


def hold(host: str, port: int, setting: str) -> socket.socket:
    """Holds a port without listening, for a program that binds it itself; raises Failure if it is taken."""
    listen(host, port, setting).close() if port else None
    return _bound(host, port, setting)


def reached_at(sock: socket.socket) -> str:
    """The host and port by which programs on this machine reach a socket."""
    host, port = sock.getsockname()[:2]
    host = ANYWHERE.get(host, f"[{host}]" if ":" in host else host)
    return f"{host}:{port}"


def listening_at(sock: socket.socket) -> str:
    """The host and port a socket is bound to."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bound(host: str, port: int, setting: str) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        named = setting.replace("PORT", "HOST")
        raise Failure(f"{named}={host} is no address of this machine: {error.strerror}.") from error
    sock = socket.socket(family, kind, protocol)
    # With it, Envoy may listen on a port that is held here without listening.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise _taken(host, port, setting, error) from error
    return sock


def _taken(host: str, port: int, setting: str, error: OSError) -> Failure:
    if error.errno == errno.EADDRINUSE:
        remedy = f"Stop that program, or choose another port: {setting}={port + 1 if port < 65535 else 0} kontor up"
        return Failure(f"Port {port} of {host} is taken by another program.", remedy)
    if error.errno in (errno.EACCES, errno.EPERM):
        remedy = f"Choose one above 1023: {setting}={port + 8000} kontor up"
        return Failure(f"Port {port} may be used by root only.", remedy)
    named = setting.replace("PORT", "HOST")
    return Failure(f"{named}={host} cannot be listened on: {os.strerror(error.errno or 0)}.", f"Correct {named}.")
