#!/bin/sh
# SPDX-License-Identifier: MIT
# Several "hosts" on one machine: network namespaces joined by a bridge, each link shaped to a rate.
#     sh tests/mpi/hosts.sh HOSTS RATE COMMAND...      as root; for instance 2 1gbit cnn train ...
# Runs COMMAND by mpirun, one rank on each host, over TCP alone, and takes everything away again. Run by hand: what it
# measures is compared with the model of docs/scale.md.
set -u
[ $# -ge 3 ] || { echo "usage: hosts.sh HOSTS RATE COMMAND..." >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "hosts.sh: namespaces are root's to make" >&2; exit 77; }
hosts=$1 rate=$2
shift 2
work=$(mktemp -d) || exit 1
name=cnn$$

remove() {
    i=1
    while [ $i -le "$hosts" ]; do
        ip netns del "$name-$i" 2>/dev/null
        i=$((i + 1))
    done
    ip link del "$name" 2>/dev/null
    rm -rf "$work"
}
trap remove EXIT
trap 'exit 1' INT TERM

ip link add "$name" type bridge && ip link set "$name" up || exit 77
list=
i=1
while [ $i -le "$hosts" ]; do
    ns=$name-$i
    ip netns add "$ns" &&
        ip link add "$name-$i" type veth peer name eth0 netns "$ns" &&
        ip link set "$name-$i" master "$name" up &&
        ip -n "$ns" link set lo up &&
        ip -n "$ns" addr add "10.213.7.$i/24" dev eth0 &&
        ip -n "$ns" link set eth0 up || exit 77
    # Out of the host at its rate; the bridge itself is free.
    ip netns exec "$ns" tc qdisc add dev eth0 root tbf rate "$rate" burst 256kb latency 400ms || exit 77
    list=$list${list:+,}10.213.7.$i:1
    i=$((i + 1))
done

# In place of ssh: the "host" is an address, and its last number that of a namespace, with a host name of its own.
cat >"$work/agent" <<END
#!/bin/sh
host=\$1
shift
exec ip netns exec $name-\${host##*.} unshare -u sh -c "hostname host\${host##*.}; \$*"
END
chmod +x "$work/agent"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ip netns exec "$name-1" unshare -u sh -c 'hostname host1; exec "$@"' sh \
    mpirun --oversubscribe --bind-to none --mca plm_rsh_agent "$work/agent" --mca btl tcp,self --mca pml ob1 \
    --mca btl_tcp_if_include 10.213.7.0/24 --mca oob_tcp_if_include 10.213.7.0/24 --mca orte_keep_fqdn_hostnames 1 \
    -H "$list" -n "$hosts" "$@"
