"""Nodes of a Ray cluster on one machine, of one CPU each and one GPU in all, until standard input ends. Prints the address and each node's raylet.

Arguments: how many, and the version of Ray that the cluster says it has, where another than its own.
"""

import json
import sys

import ray
from ray.cluster_utils import Cluster

ray.__version__ = sys.argv[2] if len(sys.argv) > 2 else ray.__version__
each = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
cluster = Cluster(initialize_head=True, head_node_args={**each, "num_gpus": 1, "include_dashboard": False})
nodes = [cluster.head_node, *(cluster.add_node(**each) for _ in range(int(sys.argv[1]) - 1))]
raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
print(json.dumps({"address": cluster.address, "raylets": raylets}), flush=True)
sys.stdin.read()
cluster.shutdown()
