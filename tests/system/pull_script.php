<?php
// SPDX-License-Identifier: Apache-2.0
//
// The script of the core's manual as protocol 5.4 tells it, for php -S: the
// yardstick that otterd is compared with.  OTTER_TABLE names a folder with
// table.txt (lines "MAC version") and bin/.
function answer($status, $body = '')
{
    header($_SERVER['SERVER_PROTOCOL'] . ' ' . $status);
    echo $body;
    exit;
}

header('Content-type: text/plain; charset=utf8');
if (($_SERVER['HTTP_USER_AGENT'] ?? '') !== 'ESP8266-http-Update') {
    answer('403 Forbidden', "only for ESP8266 updater!\n");
}
foreach (['STA_MAC', 'AP_MAC', 'FREE_SPACE', 'SKETCH_SIZE', 'CHIP_SIZE',
          'SDK_VERSION', 'VERSION'] as $name) {
    if (!isset($_SERVER['HTTP_X_ESP8266_' . $name])) {
        answer('403 Forbidden', "only for ESP8266 updater! (header)\n");
    }
}
$folder = getenv('OTTER_TABLE');
$versions = [];
foreach (file($folder . '/table.txt') as $line) {
    [$mac, $version] = explode(' ', trim($line));
    $versions[$mac] = $version;
}
$mac = $_SERVER['HTTP_X_ESP8266_STA_MAC'];
if (!isset($versions[$mac])) {
    answer('500 no version for ESP MAC');
}
if ($versions[$mac] === $_SERVER['HTTP_X_ESP8266_VERSION']) {
    answer('304 Not Modified');
}
$path = $folder . '/bin/' . $versions[$mac] . 'bin';
header($_SERVER['SERVER_PROTOCOL'] . ' 200 OK');
header('Content-Type: application/octet-stream');
header('Content-Disposition: attachment; filename=' . basename($path));
header('Content-Length: ' . filesize($path));
header('x-MD5: ' . md5_file($path));
readfile($path);
