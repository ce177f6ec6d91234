# How long first packets take through a node's rules: perl latency.pl DESTINATION PORT
#
# Writes TCP SYNs to a tun device and reads what the node sends on; prints the median in microseconds.
use strict;
use warnings;
use Socket qw(inet_aton);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use constant { TUNSETIFF => 0x400454ca, IFF_TUN => 1, IFF_NO_PI => 0x1000, ROUNDS => 2_000, WARM => 200 };

my ($destination, $port) = @ARGV;
open my $tun, '+<', '/dev/net/tun' or die "/dev/net/tun: $!";
my $request = pack 'a16 s x22', 'eth0', IFF_TUN | IFF_NO_PI;
ioctl $tun, TUNSETIFF, $request or die "eth0: $!";
for my $command (
    'ip link set lo up', 'ip link set eth0 up', 'ip addr add 192.0.2.1/32 dev eth0', 'ip route add default dev eth0',
    'sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0',
    'sysctl -qw net.netfilter.nf_conntrack_checksum=0'
) {
    system($command) == 0 or die "$command failed";
}
my @micros;
for my $n (1 .. ROUNDS + WARM) {
    my $packet = syn($n);
    my $start = clock_gettime(CLOCK_MONOTONIC);
    syswrite $tun, $packet or die "write: $!";
    while (1) {
        my $ready = '';
        vec($ready, fileno $tun, 1) = 1;
        select($ready, undef, undef, 2) > 0 or die "packet $n went nowhere";
        sysread $tun, my $sent, 2048 or die "read: $!";
        # Others are the kernel's own.
        last if length $sent == 40 && unpack('x24 N', $sent) == $n;
    }
    push @micros, 1e6 * (clock_gettime(CLOCK_MONOTONIC) - $start) if $n > WARM;
}
printf "%.1f\n", (sort { $a <=> $b } @micros)[@micros / 2];

sub syn {
    my ($n) = @_;
    my $header = pack 'C C n n n C C n a4 a4', 0x45, 0, 40, 0, 0, 64, 6, 0, inet_aton('198.51.100.9'), inet_aton($destination);
    my $sum = 0;
    $sum += $_ for unpack 'n*', $header;
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    substr $header, 10, 2, pack('n', ~$sum & 0xffff);
    return $header . pack 'n n N N n n n n', 10_000 + $n, $port, $n, 0, 0x5002, 64_240, 0, 0;
}
