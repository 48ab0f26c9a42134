#!/usr/bin/env bash
# Makes .venv with what the peer's side of the benchmarks needs: torch, transformers and TRL, pinned to the
# versions the figures in the README were measured with. Needs Python 3.11 or later; nothing else in earl does.
# With --serve, what transformers' own server needs besides (serve_judge.py).
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ ! -x .venv/bin/python ]; then
  python3 -m venv .venv
fi
.venv/bin/pip install --quiet \
  torch==2.13.0 transformers==5.18.0 trl==1.13.0 datasets==5.0.1 safetensors==0.8.0 pillow==12.3.0 pyarrow==25.0.1
if [ "${1:-}" = --serve ]; then
  .venv/bin/pip install --quiet torchvision==0.28.0 fastapi==0.142.2 uvicorn==0.54.0 openai==3.22.1
fi
.venv/bin/python -c 'import torch, trl; print("torch", torch.__version__, "trl", trl.__version__)'
