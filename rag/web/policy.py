"""The Content-Security-Policy of one response.

Gradio's page starts from inline scripts that differ with its configuration. The hash of each is
named in the policy of the very response that carries it, so neither 'unsafe-inline' nor
'unsafe-eval' is needed for scripts. Inline styles cannot be spared: its components set them.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc\s*=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


def script_hashes(page: bytes) -> list[str]:
    """The policy sources of a page's inline scripts, in order.

    >>> script_hashes(b"<script>1</script><script src='a.js'></script>")
    ["'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"]
    """
    return [f"'sha256-{b64encode(sha256(code).digest()).decode()}'" for code in _INLINE_SCRIPT.findall(page)]


def page_policy(page: bytes) -> str:
    """What the chat page may do: talk to this server, and nothing else."""
    scripts = " ".join(dict.fromkeys(["'self'", *script_hashes(page)]))
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


STRICT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For everything that is not the chat page, the document view included: no script at all."""
