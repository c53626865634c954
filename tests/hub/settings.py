# SPDX-License-Identifier: Apache-2.0
"""What can be changed about a running Hub; every field is a key of POST /_hub/config."""

from dataclasses import asdict, dataclass, fields


@dataclass
class Settings:
    """Defaults are those of a quick, healthy, unlimited Hub; the command line and the control port change them."""

    latency_ms: float = 0.0  # slept before the first byte of every Hub, CAS and CDN response
    bw_conn: int = 0  # bytes per second and connection, 0 = unlimited
    bw_total: int = 0  # bytes per second over all connections, 0 = unlimited
    grants: bool = True  # upload grants; False answers 404, as a Hub without them
    v1_only: bool = False  # no /v2 routes at the CAS
    lenient_ranges: bool = False  # accept sub-ranges of a signed range
    xet: bool = True  # False: LFS batch offers no xet transfer, token routes answer 404
    dedup: bool = True  # answer global dedup queries
    url_ttl: float = 3600.0  # seconds a signed URL lives
    token_ttl: float = 3600.0  # seconds a Xet token lives
    dedup_key_ttl: float = 86400.0
    page_size: int = 1000
    page_size_expand: int = 50
    list_page_size: int = 1000
    commits_page_size: int = 100  # at most, whatever `limit` asks for
    merge_gap: int = 1  # chunks: reconstruction ranges of one xorb nearer than this are merged
    ranges_per_url: int = 64  # most ranges signed into one v2 URL
    regular_limit: int = 10 * 1024 * 1024  # bytes: a larger regular file is refused
    binary_lfs_threshold: int = 1024 * 1024  # bytes: larger binary files become LFS
    resolve_cache: bool = True  # 307 for public regular files
    gzip: bool = True  # JSON bodies, for clients that ask for it
    gzip_files: bool = False  # compressed regular files: no Content-Length, Range ignored, as a CDN may do
    error_code_on_401: bool = False  # the Hub sends no X-Error-Code to anonymous callers
    shard_heartbeats: int = 1  # progress lines before the result of POST /v2/shards
    quota_api: int = 100_000
    quota_resolvers: int = 100_000
    quota_pages: int = 100_000
    quota_window: int = 300
    hub_url: str = ""  # public URLs, when something stands in front of an origin
    cas_url: str = ""
    cdn_url: str = ""

    def change(self, values):
        """Set the named fields, keeping their types; an unknown name is an error, so typos do not pass silently."""
        known = {f.name: f.type for f in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise KeyError(name)
            kind = type(getattr(self, name))
            setattr(self, name, kind(value))

    def as_dict(self):
        """All fields, for GET /_hub/config."""
        return asdict(self)
