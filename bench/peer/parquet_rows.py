"""Reads every row of the parquet files of a folder with pyarrow; prints rows, seconds and peak memory as JSON."""

import glob
import json
import resource
import sys
import time

import pyarrow.parquet as pq

files = sorted(glob.glob(sys.argv[1] + "/train-*.parquet"))
start = time.perf_counter()
rows = size = 0
for path in files:
    for batch in pq.ParquetFile(path).iter_batches(batch_size=16):
        for row in batch.to_pylist():
            rows += 1
            size += len(row["input"]["bytes"]) + len(row["output"]["bytes"]) + len(row["instruction"])
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
print(json.dumps({"rows": rows, "bytes": size, "seconds": seconds, "peak": peak}))
