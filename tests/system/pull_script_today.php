<?php
// SPDX-License-Identifier: Apache-2.0
//
// Today's documented script as protocol 5.4 tells it, for php -S: the
// yardstick of the dialect "current".  Version and, as its comment there
// promises, the sketch's MD5 decide.  OTTER_TABLE as for pull_script.php.
function answer($status, $body = '')
{
    header($_SERVER['SERVER_PROTOCOL'] . ' ' . $status);
    echo $body;
    exit;
}

function device($name)
{
    return $_SERVER['HTTP_X_ESP8266_' . $name] ?? null;
}

header('Content-type: text/plain; charset=utf8');
$agent = $_SERVER['HTTP_USER_AGENT'] ?? '';
if ($agent !== 'ESP8266-http-Update') {
    answer('403 Forbidden', "Only for ESP8266 updater!\n" .
        "User-Agent: $agent != ESP8266-http-Update\n");
}
foreach (['MODE', 'STA_MAC', 'AP_MAC', 'FREE_SPACE', 'SKETCH_SIZE',
          'SKETCH_MD5', 'CHIP_SIZE', 'SDK_VERSION'] as $name) {
    if (device($name) === null) {
        answer('403 Forbidden', "Only for ESP8266 updater! (header missing)\n");
    }
}
$folder = getenv('OTTER_TABLE');
$versions = [];
foreach (file($folder . '/table.txt') as $line) {
    [$mac, $version] = explode(' ', trim($line));
    $versions[$mac] = $version;
}
$mac = device('STA_MAC');
if (!isset($versions[$mac])) {
    answer('404 ESP MAC not configured for updates',
        "MAC $mac not configured for updates\n");
}
$version = $versions[$mac];
$path = $folder . '/bin/' . $version . '.bin';
if (!is_readable($path)) {
    answer('404 File not found', "File $path not found\n");
}
$digest = md5_file($path);
if (device('MODE') === 'version') {
    header('x-MD5: ' . $digest);
    header('x-version: ' . $version);
    answer('200 OK');
}
if (device('MODE') !== 'sketch') {
    answer('404 Mode not supported',
        'mode: ' . device('MODE') . " not supported\n");
}
if ((device('VERSION') ?? $version) === $version &&
    device('SKETCH_MD5') === $digest) {
    answer('304 Not Modified');
}
header($_SERVER['SERVER_PROTOCOL'] . ' 200 OK');
header('Content-Type: application/octet-stream');
header('Content-Disposition: attachment; filename=' . basename($path));
header('Content-Length: ' . filesize($path));
header('x-MD5: ' . $digest);
header('x-version: ' . $version);
readfile($path);
