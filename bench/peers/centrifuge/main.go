// A push server on github.com/centrifugal/centrifuge, the library under Centrifugo, fed from the topic that push-gateway
// reads: what one would write instead of push-gateway, without its resume, policies or isolation. Prints its address.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/centrifugal/centrifuge"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	brokers, topic := os.Args[1], os.Args[2]
	node, err := centrifuge.New(centrifuge.Config{LogLevel: centrifuge.LogLevelError})
	if err != nil {
		log.Fatal(err)
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{UserID: "bench"}}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
			answer(centrifuge.SubscribeReply{}, nil)
		})
	})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
	http.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		CheckOrigin: func(*http.Request) bool { return true },
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	go consume(node, strings.Split(brokers, ","), topic)
	fmt.Printf("http://%s\n", listener.Addr())
	// Ends with whoever started it.
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func consume(node *centrifuge.Node, brokers []string, topic string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()))
	if err != nil {
		log.Fatal(err)
	}
	for {
		client.PollFetches(context.Background()).EachRecord(func(record *kgo.Record) {
			var recorded struct {
				Seq      int             `json:"seq"`
				Decision json.RawMessage `json:"decision"`
			}
			if json.Unmarshal(record.Value, &recorded) != nil {
				return
			}
			channel := fmt.Sprintf("org:%s:decisions", record.Key)
			push, _ := json.Marshal(map[string]any{"type": "DECISION", "channel": channel, "seq": recorded.Seq, "data": recorded.Decision})
			if _, err := node.Publish(channel, push); err != nil {
				log.Print(err)
			}
		})
	}
}
