"""zarrs, as the codec pipeline of zarr-python, writes and reads cases; it may not fall back."""

import peer
from peer_zarr_python import read, update, write

import zarr

if __name__ == "__main__":
    zarr.config.set(
        {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline", "codec_pipeline.strict": True}
    )
    peer.main(["zarr", "zarrs"], write=write, update=update, read=read)
