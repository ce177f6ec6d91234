#!/usr/bin/perl
# The first two packets of an SCTP association, over raw sockets (RFC 9260).
#
# Netfilter translates SCTP whether or not the kernel has SCTP sockets, and many kernels have
# none; Node has none anywhere. An INIT and its INIT ACK are enough to see where a new
# association goes and whom the endpoint sees. IPv4 only.
#
#   sctp.pl serve ADDRESS PORT NAME    prints "ready"; ends with its standard input
#   sctp.pl ask ADDRESS PORT FROMPORT  prints the answer; dies of "refused"
use strict;
use warnings;
use Socket;

use constant { IPPROTO_SCTP => 132, CHUNK_INIT => 1, CHUNK_INIT_ACK => 2, STATE_COOKIE => 7 };

my ($role, $address, $port, $extra) = @ARGV;
my $where = pack_sockaddr_in(0, inet_aton($address));
socket(my $socket, AF_INET, SOCK_RAW, IPPROTO_SCTP) or die "raw socket: $!\n";

if ($role eq 'serve') { serve($extra) } else { ask($extra || 49152 + $$ % 16384) }

sub serve {
    my ($name) = @_;
    bind($socket, $where) or die "bind $address: $!\n";
    $| = 1;
    print "ready\n";
    while (1) {
        my $ready = '';
        vec($ready, fileno(STDIN), 1) = 1;
        vec($ready, fileno($socket), 1) = 1;
        select($ready, undef, undef, undef);
        # The other end of standard input is whoever started us.
        exit if vec($ready, fileno(STDIN), 1) && !sysread(STDIN, my $ignored, 100);
        next unless vec($ready, fileno($socket), 1);
        my $client = recv($socket, my $packet, 65535, 0) // next;
        my ($from, $to, $type, $tag) = parse($packet);
        next unless $to == $port && $type == CHUNK_INIT;
        my $client_address = inet_ntoa((unpack_sockaddr_in($client))[1]);
        my $words = qq({"by":"$name","from":{"address":"$client_address","port":$from}});
        my $cookie = pack('nna*', STATE_COOKIE, 4 + length $words, pad($words));
        send($socket, packet($port, $from, $tag, chunk(CHUNK_INIT_ACK, 77, $cookie)), 0, $client);
    }
}

sub ask {
    my ($from_port) = @_;
    # Connected, so that an ICMP refusal comes back as an error.
    connect($socket, $where) or die "connect $address: $!\n";
    send($socket, packet($from_port, $port, 0, chunk(CHUNK_INIT, 99, '')), 0) or die "send: $!\n";
    while (1) {
        defined recv($socket, my $packet, 65535, 0) or die "$!\n";
        my ($from, $to, $type, undef, $parameters) = parse($packet);
        next unless $from == $port && $to == $from_port && $type == CHUNK_INIT_ACK;
        my (undef, $length, $words) = unpack('nna*', $parameters);
        print substr($words, 0, $length - 4);
        exit;
    }
}

# Source port, destination port, type of the first chunk, initiate tag, parameters.
sub parse {
    my $header = 4 * (ord($_[0]) & 15);
    my ($from, $to, undef, undef, $type, undef, undef, $tag) = unpack('nnNNCCnN', substr($_[0], $header));
    return ($from, $to, $type, $tag, substr($_[0], $header + 32));
}

sub chunk {
    my ($type, $tag, $parameters) = @_;
    return pack('CCnNNnnNa*', $type, 0, 20 + length $parameters, $tag, 65536, 1, 1, 1, $parameters);
}

sub packet {
    my ($from, $to, $tag, $chunk) = @_;
    my $sum = crc32c(pack('nnNN', $from, $to, $tag, 0) . $chunk);
    return pack('nnNV', $from, $to, $tag, $sum) . $chunk;
}

sub pad { my ($text) = @_; return $text . "\0" x (-length($text) % 4) }

# conntrack drops what has a wrong checksum.
sub crc32c {
    my $crc = 0xffffffff;
    for my $byte (unpack 'C*', $_[0]) {
        $crc ^= $byte;
        $crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8;
    }
    return $crc ^ 0xffffffff;
}
