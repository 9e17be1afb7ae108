#!/usr/bin/env bash
# The virtual machine's only task: runs /out/command and shuts down. Its output goes to /out/log, its exit code to /out/code.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t devpts devpts /dev/pts -o mode=620,gid=5 2>/dev/null || { mkdir -p /dev/pts && mount -t devpts devpts /dev/pts; }
mkdir -p /dev/shm && mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tracefs tracefs /sys/kernel/tracing
mkdir -p /run/netns /var/run 2>/dev/null
mkdir -p /out
mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576 out /out
ip link set lo up
# What an interface's name does not bring by itself.
for module in virtio_net igb xsk_diag tun; do modprobe "$module" 2>/dev/null; done
hostname vm
cd / || exit
bash /out/command > /out/log 2>&1 < /dev/null
echo $? > /out/code
sync
echo o > /proc/sysrq-trigger
sleep 60
